import { isFault, toFault } from '@opensandbox/base';
import type { EngineEvent, Progress, RuntimeDriver } from '@opensandbox/core/ports';
import type { Tracing } from '@opensandbox/telemetry';
import type { Instruments } from './instruments.ts';
import { beginStages } from './stages.ts';

export interface MeasuredDeps {
  readonly instruments: Instruments;
  readonly tracing: Tracing;
  /** For durations, in milliseconds. */
  readonly now: () => number;
  /** Epoch milliseconds. */
  readonly wallNow: () => number;
}

/** The driver, with everything it is asked to do timed. */
export function measuredDriver(driver: RuntimeDriver, deps: MeasuredDeps): RuntimeDriver {
  const timed = timer(deps);
  const { instruments } = deps;
  const measured: RuntimeDriver = {
    ...driver,
    admit: (spec, signal) => beginStages(deps).only('admit', () => driver.admit(spec, signal)),
    create: (record, report, signal) =>
      timed('create', () => {
        const stages = beginStages(deps);
        instruments.createStage.of('queue').record(secondsSince(record.createdAt, deps));
        return stages.run('image', (enter) => {
          const told = (progress: Progress): void => {
            if (progress.step !== 'agent') enter(progress.step);
            report(progress);
          };
          return driver.create(record, told, signal);
        });
      }),
    async destroy(id, signal) {
      const removal = await timed('destroy', () => driver.destroy(id, signal)).catch((error: unknown) => {
        instruments.deletes.of('failed').add(1);
        throw error;
      });
      instruments.deletes.of(removal).add(1);
      return removal;
    },
    inspect: (id, signal) => timed('inspect', () => driver.inspect(id, signal)),
    observe: (signal) => counted(driver.observe(signal), deps),
  };
  const { pausing, snapshots } = driver;
  return {
    ...measured,
    ...(pausing === undefined
      ? {}
      : {
          pausing: {
            pause: (id, signal) => timed('pause', () => pausing.pause(id, signal)),
            resume: (id, signal) => timed('resume', () => pausing.resume(id, signal)),
          },
        }),
    ...(snapshots === undefined
      ? {}
      : {
          snapshots: {
            ...snapshots,
            async capture(wish, report, signal) {
              try {
                const captured = await timed('capture', () => snapshots.capture(wish, report, signal));
                instruments.snapshots.of('captured').add(1);
                return captured;
              } catch (error) {
                instruments.snapshots.of('failed').add(1);
                throw error;
              }
            },
          },
        }),
  };
}

function timer({ instruments, now }: MeasuredDeps) {
  return async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = now();
    const end = (outcome: string): void =>
      instruments.engineSeconds.of(operation, outcome).record((now() - startedAt) / 1000);
    try {
      const done = await work();
      end('success');
      return done;
    } catch (error) {
      end(isFault(error, 'cancelled') ? 'cancelled' : toFault(error).kind);
      throw error;
    }
  };
}

async function* counted(
  events: AsyncIterable<EngineEvent>,
  deps: MeasuredDeps,
): AsyncGenerator<EngineEvent, void> {
  const { instruments } = deps;
  for await (const event of events) {
    instruments.engineEvents.of(event.type).add(1);
    const happenedAt = event.type === 'snapshot' ? undefined : event.happenedAt;
    // What follows the `yield` is applied at once.
    if (happenedAt !== undefined) instruments.eventLag.of().record(secondsSince(happenedAt, deps));
    yield event;
  }
}

/** Wall clocks of two machines may differ: nothing took less than no time. */
function secondsSince(at: number, { wallNow }: MeasuredDeps): number {
  return Math.max(0, wallNow() - at) / 1000;
}
