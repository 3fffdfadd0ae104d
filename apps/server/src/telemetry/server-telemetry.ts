import type { IncomingMessage } from 'node:http';
import type { Fault } from '@opensandbox/base';
import type { Lifecycle } from '@opensandbox/core';
import type { AgentProbe, RuntimeDriver, SandboxStore } from '@opensandbox/core/ports';
import { createMeters, expose } from '@opensandbox/telemetry';
import type { Tracing } from '@opensandbox/telemetry';
import { createInstruments } from './instruments.ts';
import type { Instruments } from './instruments.ts';
import { measuredDriver } from './measured-driver.ts';
import { measuredLifecycle } from './measured-lifecycle.ts';
import { measuredProbe } from './measured-probe.ts';
import { measuredStore } from './measured-store.ts';
import { measureProcess } from './process-meters.ts';
import { measureRenewQueue } from './renew-meters.ts';
import type { RenewQueueState } from './renew-meters.ts';
import { beginTrack, NO_TRACK } from './request-track.ts';
import type { RequestTrack } from './request-track.ts';
import { measureState } from './state-meters.ts';

/** What the HTTP side tells of itself. */
export interface HttpTelemetry {
  readonly isTracing: boolean;
  /** A request has come; its track is found again by the request. */
  began(request: IncomingMessage): RequestTrack;
  trackOf(request: IncomingMessage): RequestTrack;
  /** An error was answered. */
  refused(publicCode: string): void;
  /** What an SDK told of a creation. */
  sdkCreated(facts: { readonly language: string; readonly success: boolean; readonly seconds: number }): void;
  /** The text for Prometheus. */
  exposition(): Promise<string>;
}

interface PullFacts {
  readonly outcome: string;
  readonly durationMs: number;
  readonly bytes: number;
}

/** Everything this server measures, and its place between those it measures. */
export interface ServerTelemetry extends Disposable {
  readonly instruments: Instruments;
  readonly http: HttpTelemetry;
  driver(driver: RuntimeDriver): RuntimeDriver;
  probe(probe: AgentProbe): AgentProbe;
  store(store: SandboxStore): SandboxStore;
  lifecycle(lifecycle: Lifecycle): Lifecycle;
  /** A pull of an image has ended. */
  readonly pulled: (facts: PullFacts) => void;
  /** What became of an access that may prolong a sandbox. */
  renewed(outcome: string, source: string): void;
  /** There is a queue of renew intents. */
  renewQueue(read: () => RenewQueueState): void;
}

export interface TelemetryDeps {
  readonly tracing: Tracing;
  readonly version: string;
  readonly runtimeName: string;
  /** Wall time in milliseconds: what the domain stamps its records with. */
  readonly wallNow: () => number;
  /** For durations, in milliseconds. */
  readonly now: () => number;
  readonly publicCode: (fault: Fault) => string;
}

/** Of the SDKs there are. Clients write what they like, and each word would be a series of its own. */
const LANGUAGES = new Set(['js', 'python', 'go', 'kotlin', 'java', 'csharp', 'unknown']);

/** On the request itself: a weak map costs more than everything else that is counted of it. */
const TRACK = Symbol('track');

interface Tracked extends IncomingMessage {
  [TRACK]?: RequestTrack;
}

export function createServerTelemetry(deps: TelemetryDeps): ServerTelemetry {
  const { tracing, now, wallNow, publicCode, version, runtimeName } = deps;
  const meters = createMeters();
  const instruments = createInstruments(meters);
  const timed = { instruments, tracing, now, wallNow };
  meters.observed(
    {
      name: 'opensandbox_build_info',
      help: 'What is running; always 1.',
      labels: ['version', 'runtime'],
      kind: 'gauge',
    },
    (observe) => observe(1, version, runtimeName),
  );
  const process = measureProcess(meters);
  return {
    instruments,
    http: {
      isTracing: tracing.isOn,
      began(request) {
        const track = beginTrack(request, timed);
        (request as Tracked)[TRACK] = track;
        return track;
      },
      trackOf: (request) => (request as Tracked)[TRACK] ?? NO_TRACK,
      refused: (code) => instruments.errors.of(code).add(1),
      sdkCreated: ({ language, success, seconds }) =>
        instruments.sdkCreate
          .of(LANGUAGES.has(language) ? language : 'other', String(success))
          .record(seconds),
      exposition: () => expose(meters),
    },
    driver: (driver) => measuredDriver(driver, timed),
    probe: (probe) => measuredProbe(probe, timed),
    store: (store) => measuredStore(store, { instruments, now, publicCode }),
    lifecycle(lifecycle) {
      measureState(meters, lifecycle);
      return measuredLifecycle(lifecycle, { instruments, publicCode });
    },
    pulled({ outcome, durationMs, bytes }) {
      instruments.pulls.of(outcome).add(1);
      instruments.pullSeconds.of(outcome).record(durationMs / 1000);
      instruments.pullBytes.of().add(bytes);
    },
    renewed: (outcome, source) => instruments.renewals.of(source, outcome).add(1),
    renewQueue: (read) => measureRenewQueue(meters, read),
    [Symbol.dispose]: () => process[Symbol.dispose](),
  };
}

/** For a server that measures nothing. */
export const NO_HTTP_TELEMETRY: HttpTelemetry = {
  isTracing: false,
  began: () => NO_TRACK,
  trackOf: () => NO_TRACK,
  refused: () => undefined,
  sdkCreated: () => undefined,
  exposition: () => Promise.resolve(''),
};
