import { PassThrough } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { EngineEvent, Observation, SandboxId } from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { ContainerSummary } from './engine/answers.ts';
import { newestOfEach, observeEngine } from './observe.ts';
import type { ObserveContext } from './observe.ts';

const A = sandboxId('a');
const LABEL_ID = 'opensandbox.io/id';

function observation(id: SandboxId, phase: Observation['phase'], readAt: number): Observation {
  return {
    id,
    phase,
    engineState: phase,
    exitCode: undefined,
    oomKilled: false,
    error: undefined,
    finishedAt: undefined,
    reach: { kind: 'none' },
    readAt,
    claim: undefined,
  };
}

/** An engine with a list of containers by sandbox id, whose containers' ids are `c-<id>`. */
function fakeEngine() {
  const clock = new FakeClock();
  const calls: string[] = [];
  const sandboxes = new Map<SandboxId, Observation['phase']>();
  const creating = new Set<SandboxId>();
  const stream = new PassThrough();
  let isAway = false;
  const read = (id: SandboxId | undefined): Observation | undefined => {
    const phase = id === undefined ? undefined : sandboxes.get(id);
    return id === undefined || phase === undefined ? undefined : observation(id, phase, clock.now());
  };
  const summary = (id: SandboxId): ContainerSummary => ({
    Id: `c-${id}`,
    Created: 1,
    State: sandboxes.get(id) ?? '',
    Labels: { [LABEL_ID]: id },
  });
  const context: ObserveContext = {
    clock,
    instance: undefined,
    isCreating: (id) => creating.has(id),
    renewVersion: async () => void calls.push('version'),
    engine: {
      events: async (_filters, signal) => {
        calls.push('events');
        signal.addEventListener('abort', () => stream.destroy());
        return stream as unknown as IncomingMessage;
      },
      listContainers: async () => {
        calls.push('list');
        return [...sandboxes.keys()].map(summary);
      },
      ping: async () => {
        calls.push('ping');
        if (isAway) throw new Fault('timeout', 'engine.timeout', 'silent');
      },
    },
    reading: {
      readById: async (containerId) => {
        calls.push(`read ${containerId}`);
        return read(sandboxId(containerId.slice(2)));
      },
      readSandbox: async (id) => read(id),
    },
  };
  const tell = (action: string, id: SandboxId, attributes: Record<string, string> = {}): void => {
    const actor = { ID: `c-${id}`, Attributes: { [LABEL_ID]: id, ...attributes } };
    stream.write(
      `${JSON.stringify({ Action: action, Actor: actor, timeNano: 1_767_323_045_600_000_000 })}\n`,
    );
  };
  return { clock, calls, sandboxes, creating, stream, context, tell, fallSilent: () => (isAway = true) };
}

function listen(context: ObserveContext, abort = new AbortController()) {
  const events: EngineEvent[] = [];
  const end = (async () => {
    for await (const event of observeEngine(context, abort.signal)) events.push(event);
  })().then(
    () => 'ended',
    (error: unknown) => error,
  );
  return { events, end, abort };
}

describe('observeEngine', () => {
  it('agrees on a version, subscribes, lists, and begins with a snapshot', async () => {
    const engine = fakeEngine();
    engine.sandboxes.set(A, 'running');
    const { events, abort, end } = listen(engine.context);
    await settle();
    expect(engine.calls).toEqual(['version', 'events', 'list', 'read c-a']);
    const { readAt } = observation(A, 'running', engine.clock.now());
    expect(events).toEqual([{ type: 'snapshot', readAt, observations: [observation(A, 'running', readAt)] }]);
    abort.abort();
    expect(await end).toBe('ended');
  });

  it('reads again what an event names, and says gone when it is not there any more', async () => {
    const engine = fakeEngine();
    engine.sandboxes.set(A, 'running');
    const { events, abort } = listen(engine.context);
    await settle();
    engine.sandboxes.set(A, 'exited');
    engine.tell('die', A);
    await settle();
    const happenedAt = 1_767_323_045_600;
    expect(events.at(-1)).toMatchObject({
      type: 'observed',
      observation: { id: A, phase: 'exited' },
      happenedAt,
    });
    engine.sandboxes.delete(A);
    engine.tell('destroy', A);
    await settle();
    expect(events.at(-1)).toMatchObject({ type: 'gone', id: A, happenedAt });
    abort.abort();
  });

  it('leaves alone what belongs to a named server, and what is no sandbox', async () => {
    const engine = fakeEngine();
    const { events, abort } = listen(engine.context);
    await settle();
    engine.tell('start', A, { 'opensandbox.io/instance': 'other' });
    engine.tell('start', sandboxId(''));
    await settle();
    expect(events).toHaveLength(1);
    abort.abort();
  });

  it('does not wait for a start of its own', async () => {
    const engine = fakeEngine();
    const { abort } = listen(engine.context);
    await settle();
    engine.creating.add(A);
    engine.tell('create', A);
    await settle();
    expect(engine.calls).not.toContain('read c-a');
    engine.tell('start', A);
    await settle();
    expect(engine.calls).toContain('read c-a');
    abort.abort();
  });

  it('lists again each minute, and inspects only what has changed', async () => {
    const engine = fakeEngine();
    engine.sandboxes.set(A, 'running');
    const { events, abort } = listen(engine.context);
    await settle();
    const reads = () => engine.calls.filter((call) => call === 'read c-a').length;
    await engine.clock.advance(60_000);
    await settle();
    expect(events).toHaveLength(2);
    expect(events[1]).toMatchObject({
      readAt: engine.clock.now(),
      observations: [{ readAt: engine.clock.now() }],
    });
    expect(reads()).toBe(1);
    engine.sandboxes.set(A, 'exited');
    await engine.clock.advance(60_000);
    await settle();
    expect(events[2]).toMatchObject({ observations: [{ phase: 'exited' }] });
    expect(reads()).toBe(2);
    abort.abort();
  });

  it('inspects at the next list what an event named, even if the list looks the same', async () => {
    const engine = fakeEngine();
    engine.sandboxes.set(A, 'exited');
    const { abort } = listen(engine.context);
    await settle();
    engine.tell('die', A);
    await settle();
    await engine.clock.advance(60_000);
    await settle();
    expect(engine.calls.filter((call) => call === 'read c-a')).toHaveLength(3);
    abort.abort();
  });

  it('ends with unavailable when the link breaks', async () => {
    const engine = fakeEngine();
    const { end } = listen(engine.context);
    await settle();
    engine.stream.destroy(Object.assign(new Error('socket'), { code: 'ECONNRESET' }));
    expect(await end).toMatchObject({ kind: 'unavailable' });
  });

  it('ends with unavailable when the link just ends', async () => {
    const engine = fakeEngine();
    const { end } = listen(engine.context);
    await settle();
    engine.stream.end();
    expect(await end).toMatchObject({ kind: 'unavailable', code: 'engine.unavailable' });
  });

  it('ends with unavailable when the engine falls silent', async () => {
    const engine = fakeEngine();
    const { end } = listen(engine.context);
    await settle();
    engine.fallSilent();
    await engine.clock.advance(15_000);
    expect(await end).toMatchObject({ kind: 'unavailable', code: 'engine.unavailable' });
  });
});

describe('newestOfEach', () => {
  it('keeps the newest container of each sandbox', () => {
    const container = (Id: string, Created: number, id: string) => ({
      Id,
      Created,
      Labels: { [LABEL_ID]: id },
    });
    const listed = [
      container('1', 10, 'a'),
      container('2', 20, 'a'),
      container('3', 5, 'b'),
      container('4', 5, ''),
    ];
    expect(newestOfEach(listed).map((one) => one.Id)).toEqual(['2', '3']);
  });
});
