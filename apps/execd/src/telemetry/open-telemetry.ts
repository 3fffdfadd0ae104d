import { readFileSync } from 'node:fs';
import type { Clock, Logger, Scope } from '@opensandbox/base';
import { abortable, sleep } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { noTracing, openTracing, sendsTraces } from '@opensandbox/telemetry';
import type { Tracing } from '@opensandbox/telemetry';
import { VERSION } from '../version.ts';
import { awaitListener } from './await-listener.ts';
import { findEndpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import { follow } from './follow.ts';
import type { OpenMeters, SdkMeters } from './sdk-meters.ts';
import { commonAttributes, exportIntervalMs, isJsonWanted } from './settings.ts';
import { noTelemetry } from './telemetry.ts';
import type { Telemetry } from './telemetry.ts';

export interface TelemetryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: Scope;
  readonly environment: Environment;
}

const SERVICE = 'opensandbox-execd';

/**
 * Measures when a collector is named, or when one answers on the host; traces only when one is named. The SDK is loaded
 * only then and after the agent has begun to listen: most sandboxes never need its memory.
 */
export function openTelemetry(deps: TelemetryDeps): Telemetry {
  const { clock, log, scope, environment } = deps;
  const endpoint = findEndpoint(environment, readHostInfo);
  let meters: SdkMeters | undefined;
  let tracing: Tracing = noTracing;
  if (endpoint !== undefined) {
    scope.run('telemetry', async (signal) => {
      await sleep(clock, 1, signal);
      meters = await startMeters(endpoint, deps, signal);
    });
  }
  if (sendsTraces(environment)) {
    scope.run('tracing', async (signal) => {
      await sleep(clock, 1, signal);
      const attributes = commonAttributes(environment);
      tracing = await openTracing({ service: SERVICE, version: VERSION, env: environment, log, attributes });
    });
  }
  if (endpoint === undefined && !sendsTraces(environment)) return noTelemetry;
  return {
    begin(request) {
      const instruments = meters?.instruments;
      if (instruments === undefined && !tracing.isOn) return undefined;
      return follow(request, instruments, tracing);
    },
    async close(signal) {
      // A collector that does not answer must not keep the agent from ending.
      const metered = abortable(meters?.close() ?? Promise.resolve(), signal).catch(() => undefined);
      await Promise.all([metered, tracing.close(signal)]);
    },
  };
}

async function startMeters(
  endpoint: Endpoint,
  { clock, log, environment }: TelemetryDeps,
  signal: AbortSignal,
): Promise<SdkMeters | undefined> {
  const intervalMs = exportIntervalMs(environment);
  if (endpoint.isGuess) await awaitListener(endpoint, { clock, intervalMs }, signal);
  const { openMeters } = (await import('./sdk-meters.ts')) as { openMeters: OpenMeters };
  if (signal.aborted) return undefined;
  const { url } = endpoint;
  const isJson = isJsonWanted(environment);
  const meters = openMeters({ url, isJson, intervalMs, attributes: commonAttributes(environment) });
  log.info('telemetry.opened', { host: new URL(url).host });
  return meters;
}

function readHostInfo(): string | undefined {
  try {
    return readFileSync('/etc/hostinfo', 'utf8');
  } catch {
    return undefined; // only some clusters put it there
  }
}
