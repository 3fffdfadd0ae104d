import { isIP } from 'node:net';
import type { Environment } from '@opensandbox/process';

/** Where measurements are sent. */
export interface Endpoint {
  readonly url: string;
  /** Nobody named it: it is where a collector of the host would be, and perhaps there is none. */
  readonly isGuess: boolean;
}

const PORT = 4318;
const METRICS_PATH = '/v1/metrics';

/** The endpoint for metrics, else the one for everything, else the host's address. `hostInfo` is /etc/hostinfo. */
export function findEndpoint(
  environment: Environment,
  hostInfo: () => string | undefined,
): Endpoint | undefined {
  if (environment['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true') return undefined;
  if (environment['OTEL_METRICS_EXPORTER']?.trim().toLowerCase() === 'none') return undefined;
  const forMetrics = named(environment['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT']);
  if (forMetrics !== undefined) return { url: forMetrics, isGuess: false };
  const forAll = named(environment['OTEL_EXPORTER_OTLP_ENDPOINT']);
  if (forAll !== undefined) return { url: forAll.replace(/\/*$/, METRICS_PATH), isGuess: false };
  const host = addressIn(environment['HOST_IP'] ?? '') ?? addressIn(hostInfo() ?? '');
  if (host === undefined) return undefined;
  const authority = isIP(host) === 6 ? `[${host}]` : host;
  return { url: `http://${authority}:${PORT}${METRICS_PATH}`, isGuess: true };
}

/** Undefined when it is empty or no address that HTTP could reach. */
function named(text: string | undefined): string | undefined {
  const trimmed = text?.trim() ?? '';
  if (trimmed === '') return undefined;
  const url = /^https?:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  return URL.canParse(url) ? url : undefined;
}

function addressIn(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .find((line) => isIP(line) !== 0);
}
