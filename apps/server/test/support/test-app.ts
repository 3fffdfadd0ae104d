import { randomUUID } from 'node:crypto';
import { type Clock, type Scope, Secret, openScope } from '@opensandbox/base';
import { type Lifecycle, openLifecycle, sandboxId } from '@opensandbox/core';
import {
  type FakeConfig,
  type FakeDriver,
  fakeConfig,
  openFakeDriver,
  openFakeProbe,
} from '@opensandbox/driver-fake';
import {
  FakeClock,
  type LogCapture,
  MemorySnapshotStore,
  MemoryStore,
  captureLog,
  settle,
} from '@opensandbox/testkit';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import type { AppOptions } from '../../src/app-options.ts';
import { createSandboxWays } from '../../src/sandbox-ways.ts';
import type { ServerTelemetry } from '../../src/telemetry/server-telemetry.ts';
import { explainFault } from '../../src/wire-codes.ts';

export const KEY = 'k1';
/** The moment at which the fake clock of these tests starts. */
export const START = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** The HTTP application over a real lifecycle, a fake engine and, unless told otherwise, a fake clock. */
export interface TestApp extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly lifecycle: Lifecycle;
  readonly driver: FakeDriver;
  readonly clock: FakeClock;
  readonly log: LogCapture;
  /** Creates a Running sandbox over HTTP; resolves with its id. */
  running(extra?: Readonly<Record<string, unknown>>): Promise<string>;
}

export interface TestAppOptions {
  readonly options?: Partial<AppOptions>;
  readonly engine?: Partial<FakeConfig>;
  readonly maxTimeoutSeconds?: number;
  /** Replaces verbs of the lifecycle. */
  readonly lifecycle?: Partial<Lifecycle>;
  /** Real time for the HTTP side; the domain keeps the fake clock. */
  readonly httpClock?: Clock;
  readonly telemetry?: ServerTelemetry;
}

/** A create request that every test can start from. */
export const CREATE = { image: { uri: 'busybox' }, entrypoint: ['sleep', '999'], resourceLimits: {} };

export async function openTestApp(test: TestAppOptions = {}): Promise<TestApp> {
  const log = captureLog();
  const scope = openScope(log);
  const clock = new FakeClock(START);
  const driver = await openFakeDriver(fakeConfig(test.engine), { clock }, scope);
  const domain = await openDomain(test, { driver, clock, log, scope });
  const lifecycle = { ...(test.telemetry?.lifecycle(domain) ?? domain), ...test.lifecycle };
  const app = buildApp({
    lifecycle,
    ways: createSandboxWays({ clock, ask: async () => false, isNeighbour: () => false }),
    runtimeName: driver.name,
    options: { ...OPTIONS, ...test.options },
    clock: test.httpClock ?? clock,
    log,
    newUuid: randomUUID,
    telemetry: test.telemetry?.http,
  });
  await app.ready();
  return {
    app,
    lifecycle,
    driver,
    clock,
    log,
    async running(extra = {}) {
      const payload = { ...CREATE, ...extra };
      const answer = await app.inject({ method: 'POST', url: '/v1/sandboxes', headers: AUTH, payload });
      await settle(20);
      return answer.json<{ id: string }>().id;
    },
    async [Symbol.asyncDispose]() {
      await app.close();
      await scope[Symbol.asyncDispose]();
    },
  };
}

export const AUTH = { 'open-sandbox-api-key': KEY };

const OPTIONS: AppOptions = {
  createPolicy: { networkMode: 'bridge', egressImage: undefined, allowedHostPaths: ['/srv/ok'] },
  apiKey: new Secret(KEY),
  eip: undefined,
  publicUrl: undefined,
  publicHost: () => 'sandboxes.example',
  limitConcurrency: 0,
  keepAliveTimeoutSeconds: 30,
  closeDeadlineMs: 10_000,
};

interface Domain {
  readonly driver: FakeDriver;
  readonly clock: FakeClock;
  readonly log: LogCapture;
  readonly scope: Scope;
}

function openDomain(test: TestAppOptions, { driver, clock, log, scope }: Domain): Promise<Lifecycle> {
  const { telemetry } = test;
  const store = new MemoryStore();
  const probe = openFakeProbe(driver.engine);
  return openLifecycle(
    {
      driver: telemetry?.driver(driver) ?? driver,
      store: telemetry?.store(store) ?? store,
      snapshotStore: new MemorySnapshotStore(),
      probe: telemetry?.probe(probe) ?? probe,
      clock,
      log,
      newId: () => sandboxId(randomUUID()),
      random: () => 0.5,
      explain: (fault) => explainFault(fault, driver.name),
      options: {
        maxTimeoutSeconds: test.maxTimeoutSeconds,
        failureTtlMs: 3_600_000,
        resolveWaitMs: 180_000,
        removeWaitMs: 180_000,
        provisionConcurrency: 32,
        sweepIntervalMs: 30_000,
      },
    },
    scope,
  );
}
