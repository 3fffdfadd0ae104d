import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Clock, Logger, Scope } from '@opensandbox/base';
import { abortable, sleep } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { findEndpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import type { Instruments } from './instruments.ts';
import type { OpenMeters, SdkMeters } from './sdk-meters.ts';
import { recordAnswer } from './record-answer.ts';
import { commonAttributes, exportIntervalMs, isJsonWanted } from './settings.ts';
import { noTelemetry } from './telemetry.ts';
import type { Telemetry } from './telemetry.ts';

export interface TelemetryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: Scope;
  readonly environment: Environment;
}

const CONNECT_MS = 1000;

/**
 * Measures when a collector is named, or when one answers on the host. The SDK is loaded only then and after the
 * agent has begun to listen: most sandboxes never need its memory.
 */
export function openTelemetry(deps: TelemetryDeps): Telemetry {
  const { clock, log, scope, environment } = deps;
  const endpoint = findEndpoint(environment, readHostInfo);
  if (endpoint === undefined) return noTelemetry;
  let meters: SdkMeters | undefined;
  scope.run('telemetry', async (signal) => {
    await sleep(clock, 1, signal);
    if (endpoint.isGuess) await awaitListener(endpoint, deps, signal);
    const { openMeters } = (await import('./sdk-meters.ts')) as { openMeters: OpenMeters };
    if (signal.aborted) return;
    meters = openMeters({
      url: endpoint.url,
      isJson: isJsonWanted(environment),
      intervalMs: exportIntervalMs(environment),
      attributes: commonAttributes(environment),
    });
    log.info('telemetry.opened', { host: new URL(endpoint.url).host });
  });
  return {
    begin() {
      const instruments: Instruments | undefined = meters?.instruments;
      if (instruments === undefined) return undefined;
      const startedAt = performance.now();
      return (answered) => {
        void recordAnswer(instruments, answered, () => performance.now() - startedAt);
      };
    },
    async close(signal) {
      // A collector that does not answer must not keep the agent from ending.
      await abortable(meters?.close() ?? Promise.resolve(), signal).catch(() => undefined);
    },
  };
}

/** Looks again and again, without a word, until something listens there. */
async function awaitListener(
  { url }: Endpoint,
  { clock, environment }: TelemetryDeps,
  signal: AbortSignal,
): Promise<void> {
  const { hostname, port } = new URL(url);
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
  while (!(await listens(address, clock))) await sleep(clock, exportIntervalMs(environment), signal);
}

function listens(address: { readonly host: string; readonly port: number }, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const late = clock.at(clock.now() + CONNECT_MS, () => end(false));
    const end = (answer: boolean): void => {
      late[Symbol.dispose]();
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

function readHostInfo(): string | undefined {
  try {
    return readFileSync('/etc/hostinfo', 'utf8');
  } catch {
    return undefined; // only some clusters put it there
  }
}
