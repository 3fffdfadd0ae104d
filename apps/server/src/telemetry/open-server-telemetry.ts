import { deadline, Fault } from '@opensandbox/base';
import type { Clock, Logger, Scope } from '@opensandbox/base';
import { openTracing } from '@opensandbox/telemetry';
import type { TelemetryEnvironment } from '@opensandbox/telemetry';
import { publicCode } from '../wire-codes.ts';
import { createServerTelemetry } from './server-telemetry.ts';
import type { ServerTelemetry } from './server-telemetry.ts';

export interface OpenTelemetryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The OTEL_ variables are read from it. */
  readonly env: TelemetryEnvironment;
  readonly version: string;
  readonly runtimeName: string;
  /** Whether anybody may read the metrics; traces are sent when the environment names a collector. */
  readonly areMetricsServed: boolean;
}

const SERVICE = 'opensandbox-server';
/** How long the last spans may take to reach their collector when the server ends. */
const FLUSH_MS = 3_000;

/** Undefined when nobody wants to know anything: then nothing is wrapped and nothing is counted. */
export async function openServerTelemetry(
  deps: OpenTelemetryDeps,
  scope: Scope,
): Promise<ServerTelemetry | undefined> {
  const { clock, log, env, version, runtimeName } = deps;
  const tracing = await openTracing({ service: SERVICE, version, env, log });
  if (!tracing.isOn && !deps.areMetricsServed) return undefined;
  const telemetry = createServerTelemetry({
    tracing,
    version,
    runtimeName,
    now: () => performance.now(),
    wallNow: () => clock.now(),
    publicCode: (fault) => publicCode(fault, runtimeName).code,
  });
  scope.own(telemetry);
  scope.own({
    async [Symbol.asyncDispose]() {
      using limit = deadline(clock, FLUSH_MS, new AbortController().signal, late);
      await tracing.close(limit.signal);
    },
  });
  return telemetry;
}

function late(): Fault {
  return new Fault('timeout', 'telemetry.late', 'The collector did not take the last spans in time.');
}
