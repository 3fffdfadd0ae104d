import { readTraceSettings } from './trace-settings.ts';
import type { TracingDeps } from './tracing-deps.ts';
import { noTracing } from './tracing.ts';
import type { Tracing } from './tracing.ts';

/** Traces when the environment names a collector. The SDK is loaded only then. */
export async function openTracing(deps: TracingDeps): Promise<Tracing> {
  const { env, log } = deps;
  const settings = readTraceSettings(env);
  for (const complaint of settings?.complaints ?? []) log.warn('telemetry.setting', { complaint });
  if (settings === undefined || settings.url === '') return noTracing;
  const { createSdkTracing } = await import('./sdk-tracing.ts');
  const tracing = await createSdkTracing(settings, deps);
  log.info('telemetry.traces', { host: new URL(settings.url).host });
  return tracing;
}
