import { toFault } from '@opensandbox/base';
import type { Span, Tracing } from '@opensandbox/telemetry';
import type { Instruments } from './instruments.ts';

export interface StageDeps {
  readonly instruments: Instruments;
  readonly tracing: Tracing;
  readonly now: () => number;
}

export interface Stages {
  /** One stage by itself. */
  only<T>(stage: string, work: () => Promise<T>): Promise<T>;
  /** One after the other: `enter` ends the current stage and begins the next. */
  run<T>(first: string, work: (enter: (stage: string) => void) => Promise<T>): Promise<T>;
}

/** Times what a creation goes through, and draws it into the trace of the request that asked for it. */
export function beginStages({ instruments, tracing, now }: StageDeps): Stages {
  const parent = tracing.current();

  async function run<T>(first: string, work: (enter: (stage: string) => void) => Promise<T>): Promise<T> {
    let current = open(first);
    const enter = (stage: string): void => {
      if (stage === current.stage) return;
      current.end();
      current = open(stage);
    };
    try {
      return await work(enter);
    } catch (error) {
      current.span?.fail(toFault(error).code);
      throw error;
    } finally {
      current.end();
    }
  }

  function open(stage: string): { readonly stage: string; readonly span: Span | undefined; end(): void } {
    const startedAt = now();
    const span = parent && tracing.begin(`sandbox.create ${stage}`, { kind: 'internal', parent });
    return {
      stage,
      span,
      end() {
        instruments.createStage.of(stage).record((now() - startedAt) / 1000);
        span?.end();
      },
    };
  }

  return { run, only: (stage, work) => run(stage, work) };
}
