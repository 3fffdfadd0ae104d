import type { Environment } from '@opensandbox/process';

/** What every measurement says about where it comes from: the sandbox, and what its owner added. */
export function commonAttributes(environment: Environment): Readonly<Record<string, string>> {
  const attributes: Record<string, string> = {};
  const id = environment['OPENSANDBOX_ID'] ?? '';
  if (id !== '') attributes['sandbox_id'] = id;
  for (const pair of (environment['OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS'] ?? '').split(',')) {
    const split = pair.indexOf('=');
    const name = pair.slice(0, Math.max(0, split)).trim();
    if (name !== '') attributes[name] = pair.slice(split + 1).trim();
  }
  return attributes;
}

const DEFAULT_INTERVAL_MS = 60_000;
const SHORTEST_INTERVAL_MS = 100;

/** How often measurements are sent. */
export function exportIntervalMs(environment: Environment): number {
  const interval = Number(environment['OTEL_METRIC_EXPORT_INTERVAL'] ?? NaN);
  return interval >= SHORTEST_INTERVAL_MS && Number.isSafeInteger(interval) ? interval : DEFAULT_INTERVAL_MS;
}

/** Collectors read both; protobuf is what they are sent unless somebody wants to read along. */
export function isJsonWanted(environment: Environment): boolean {
  const protocol =
    environment['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL'] ?? environment['OTEL_EXPORTER_OTLP_PROTOCOL'];
  return protocol?.trim().toLowerCase() === 'http/json';
}
