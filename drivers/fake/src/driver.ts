import type { Clock, Scope } from '@opensandbox/base';
import { Fault, checkAborted, sleep, UndoStack } from '@opensandbox/base';
import type {
  Observation,
  PauseFacet,
  Progress,
  Reach,
  RuntimeDriver,
  SandboxId,
  SandboxRecord,
  SandboxSpec,
  SnapshotFacet,
} from '@opensandbox/core/ports';
import type { FakeConfig } from './config.ts';
import { fakeDiagnostics } from './diagnostics.ts';
import { FakeEngine } from './engine.ts';
import { observe } from './observe.ts';
import type { Script, Step } from './script.ts';
import { readScript } from './script.ts';
import { fakeSnapshots } from './snapshots.ts';

export interface FakeDeps {
  readonly clock: Clock;
  /** An engine that outlives this driver; without one the driver has its own, gone when `scope` closes. */
  readonly engine?: FakeEngine;
}

export interface FakeDriver extends RuntimeDriver {
  readonly engine: FakeEngine;
  readonly pausing: PauseFacet;
  readonly snapshots: SnapshotFacet;
}

const AGENT_PORT = 44772;
const HTTP_PORT = 8080;
const FIRST_MADE_UP_PORT = 40_000;

const MESSAGES: Readonly<Record<Step, string>> = {
  image: 'Preparing the image.',
  create: 'Creating the sandbox.',
  start: 'Starting the sandbox.',
};

export async function openFakeDriver(config: FakeConfig, deps: FakeDeps, scope: Scope): Promise<FakeDriver> {
  const engine = deps.engine ?? scope.own(new FakeEngine(deps.clock));
  return {
    name: 'fake',
    engine,
    pausing: pausing(engine),
    snapshots: fakeSnapshots({ engine, captureMs: config.captureMs }),
    diagnostics: fakeDiagnostics(engine),
    async admit(spec, signal) {
      checkAborted(signal);
      engine.checkReachable('admit');
      if (spec.entrypoint.length === 0) {
        throw new Fault('invalid', 'entrypoint.invalid', 'The entrypoint must name a command.');
      }
      checkImage(engine, spec);
      return spec;
    },
    create: (record, report, signal) => create({ engine, config, record, report }, signal),
    async destroy(id, signal) {
      checkAborted(signal);
      engine.checkReachable('destroy');
      if (config.destroyMs > 0) await sleep(engine.clock, config.destroyMs, signal);
      const removal = engine.read(id) === undefined ? 'absent' : 'removed';
      engine.remove(id);
      return removal;
    },
    async inspect(id, signal) {
      checkAborted(signal);
      engine.checkReachable('inspect');
      return engine.read(id);
    },
    observe: (signal) => observe(engine, signal),
  };
}

interface Creation {
  readonly engine: FakeEngine;
  readonly config: FakeConfig;
  readonly record: SandboxRecord;
  readonly report: (progress: Progress) => void;
}

async function create(creation: Creation, signal: AbortSignal): Promise<Observation> {
  const { engine, config, record } = creation;
  checkAborted(signal);
  engine.checkReachable('create');
  const script = readScript(record.spec, config);
  checkImage(engine, record.spec);
  await using undo = new UndoStack(() => undefined);
  if (engine.read(record.id) === undefined) {
    await step(creation, script, 'image', signal);
    await step(creation, script, 'create', signal);
    engine.add(record, script, makeUpReach(engine, config));
    undo.add('container', async () => removeIfReachable(engine, record.id));
  }
  if (engine.read(record.id)?.phase === 'starting') {
    await step(creation, script, 'start', signal);
    engine.start(record.id);
  }
  const seen = engine.read(record.id);
  if (seen === undefined) {
    throw new Fault('internal', 'sandbox.start_failed', 'The sandbox was removed while it was starting.');
  }
  undo.keep();
  return seen;
}

function checkImage(engine: FakeEngine, { source }: SandboxSpec): void {
  if (source.kind !== 'snapshot' || engine.images.has(source.snapshotId)) return;
  const message = `The image of snapshot ${source.snapshotId} is gone.`;
  throw new Fault('conflict', 'snapshot.restore_config', message);
}

/** One scripted step: says what it does, takes its time, fails if it must. */
async function step(creation: Creation, script: Script, name: Step, signal: AbortSignal): Promise<void> {
  const { engine } = creation;
  creation.report({ step: name, message: MESSAGES[name] });
  if (script.delayMs[name] > 0) await sleep(engine.clock, script.delayMs[name], signal);
  else await Promise.resolve();
  checkAborted(signal);
  engine.checkReachable('create');
  if (script.failure?.step === name) throw script.failure.fault;
}

/** An engine that is away keeps what it has; the core's sweep finds it when the engine is back. */
function removeIfReachable(engine: FakeEngine, id: SandboxId): void {
  engine.checkReachable('destroy');
  engine.remove(id);
}

function makeUpReach(engine: FakeEngine, config: FakeConfig): Reach {
  const { host } = config;
  const taken = new Set<number>();
  for (const id of engine.ids) {
    const reach = engine.read(id)?.reach;
    if (reach?.kind === 'mapped') for (const port of Object.values(reach.ports)) taken.add(port);
  }
  let port = FIRST_MADE_UP_PORT;
  while (taken.has(port)) port += 2;
  const ports = config.ports ?? { [AGENT_PORT]: port, [HTTP_PORT]: port + 1 };
  return { kind: 'mapped', host, ports, privateHost: undefined };
}

function pausing(engine: FakeEngine): PauseFacet {
  function read(id: SandboxId): Observation {
    const seen = engine.read(id);
    if (seen !== undefined) return seen;
    throw new Fault('not_found', 'sandbox.not_found', `Sandbox ${id} not found.`);
  }
  return {
    async pause(id, signal) {
      checkAborted(signal);
      engine.checkReachable('pause');
      read(id);
      if (engine.pause(id)) return read(id);
      throw new Fault('conflict', 'sandbox.not_running', 'Sandbox is not in a running state.');
    },
    async resume(id, signal) {
      checkAborted(signal);
      engine.checkReachable('resume');
      read(id);
      if (engine.unpause(id)) return read(id);
      throw new Fault('conflict', 'sandbox.not_paused', 'Sandbox is not in a paused state.');
    },
  };
}
