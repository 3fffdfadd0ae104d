import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@opensandbox/base';
import type { PipeSystem } from '@opensandbox/process';
import { openOutputDirectory } from '@opensandbox/process';
import { captureLog } from '@opensandbox/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentEvent } from '../src/events/agent-event.ts';
import { findReporter } from '../src/sessions/reporter.ts';
import type { SessionRunRequest } from '../src/sessions/session-request.ts';
import type { SessionDeps, Sessions } from '../src/sessions/sessions.ts';
import { createSessions } from '../src/sessions/sessions.ts';
import { eventually } from './support/event-lines.ts';

const pipes: PipeSystem = {
  makeFifo: (path) => void execFileSync('mkfifo', ['-m', '600', path], { stdio: 'ignore' }),
  read: (fd) => new Socket({ fd, readable: true, writable: false }) as AsyncIterable<Uint8Array>,
};

const never = new AbortController().signal;
const PATH = process.env['PATH'] ?? '/usr/bin:/bin';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'sessions-inside-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

/** A shell that looks for its files where they are not, as one without a right to open them would. */
const ELSEWHERE_SHELL = `#!/bin/sh
exec /bin/bash -c "$(printf %s "$4" | sed 's#/proc/[0-9]*/fd/#/nowhere/#g')" bash
`;

function openSessions(more: Partial<SessionDeps> = {}): Sessions {
  return createSessions({
    clock: systemClock(),
    log: captureLog(),
    outputs: openOutputDirectory([place]),
    pipes,
    cwd: '/',
    stop: 'interrupt',
    environment: () => ({ PATH, BASE: 'base' }),
    shell: () => ['/bin/bash'],
    reporter: () => findReporter(PATH, []),
    ...more,
  });
}

interface Heard {
  readonly events: AgentEvent[];
  readonly stdout: () => string[];
  readonly done: Promise<void>;
}

async function listen(
  sessions: Sessions,
  id: string,
  request: Partial<SessionRunRequest> & { readonly command: string },
  gone: AbortSignal = never,
): Promise<Heard> {
  const run = await sessions.run(id, { cwd: '', timeoutMs: undefined, envs: {}, ...request });
  const events: AgentEvent[] = [];
  const send = async (event: AgentEvent): Promise<void> => void events.push(event);
  const stdout = (): string[] => events.flatMap((event) => (event.type === 'stdout' ? [event.text] : []));
  return { events, stdout, done: run.tell({ send, gone }) };
}

async function outputOf(sessions: Sessions, id: string, command: string): Promise<string[]> {
  const heard = await listen(sessions, id, { command });
  await heard.done;
  return heard.stdout();
}

describe('runs that are interrupted and not killed', () => {
  it('may end by themselves when their time is up, and what they keep is kept', async () => {
    const sessions = openSessions();
    const id = sessions.create('');
    const command =
      'trap \'stop=1\' INT; until [ -n "$stop" ]; do sleep 0.05; done; echo cleaned; export A=1';
    const heard = await listen(sessions, id, { command, timeoutMs: 300 });
    await heard.done;
    expect(heard.stdout()).toEqual(['cleaned']);
    expect(heard.events.at(-1)).toMatchObject({ type: 'error', message: 'timeout after 300ms' });
    expect(await outputOf(sessions, id, 'echo $A')).toEqual(['1']);
  });

  it('are killed when they do not heed it', async () => {
    const sessions = openSessions();
    const id = sessions.create('');
    const gone = new AbortController();
    const command = "trap '' INT; echo up; sleep 60";
    const heard = await listen(sessions, id, { command }, gone.signal);
    await eventually(async () => (heard.stdout().length > 0 ? true : undefined));
    const hungUpAt = Date.now();
    gone.abort();
    await heard.done;
    expect(Date.now() - hungUpAt).toBeGreaterThan(2500);
    expect(await outputOf(sessions, id, 'echo ok')).toEqual(['ok']);
  });
});

describe('variables of one run', () => {
  it('stand above the session’s and end with the run', async () => {
    const sessions = openSessions();
    const id = sessions.create('');
    await outputOf(sessions, id, 'export A=session');
    const heard = await listen(sessions, id, { command: 'echo $A $BASE $B', envs: { A: 'run', B: 'own' } });
    await heard.done;
    expect(heard.stdout()).toEqual(['run base own']);
    expect(await outputOf(sessions, id, 'echo $A $BASE $B')).toEqual(['session base']);
  });
});

describe('a run', () => {
  it('leaves no file and no open descriptor', async () => {
    const sessions = openSessions();
    const id = sessions.create('');
    const open = (): number => readdirSync('/proc/self/fd').length;
    await outputOf(sessions, id, 'true');
    const before = open();
    for (let run = 0; run < 20; run += 1) await outputOf(sessions, id, 'export A=$(printf "\\377")');
    await eventually(async () => (open() <= before ? true : undefined));
    const [directory = ''] = readdirSync(place);
    await eventually(async () => (readdirSync(join(place, directory)).length === 0 ? true : undefined));
  });

  it('that cannot be started is refused and leaves no file', async () => {
    const sessions = openSessions({ shell: () => ['/nowhere/bash'] });
    const refused = listen(sessions, sessions.create(''), { command: 'true' });
    await expect(refused).rejects.toMatchObject({
      kind: 'internal',
      code: 'RUNTIME_ERROR',
      message: 'error running in session. fork/exec /nowhere/bash: no such file or directory',
    });
    const [directory = ''] = readdirSync(place);
    expect(readdirSync(join(place, directory))).toEqual([]);
  });

  it('whose code cannot be read ends with an error', async () => {
    const shell = join(place, 'bash');
    writeFileSync(shell, ELSEWHERE_SHELL, { mode: 0o700 });
    const sessions = openSessions({ shell: () => [shell] });
    const heard = await listen(sessions, sessions.create(''), { command: 'echo ran' });
    await heard.done;
    expect(heard.stdout().join('')).not.toContain('ran');
    expect(heard.events.at(-1)).toMatchObject({ error: { evalue: '126' } });
  });

  it('is ended by its agent’s end, asked first', async () => {
    const sessions = openSessions();
    const command = "trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    const heard = await listen(sessions, sessions.create(''), { command });
    await eventually(async () => (heard.stdout().length > 0 ? true : undefined));
    await sessions.stopAll(5000, never);
    await heard.done;
    expect(heard.stdout()).toContain('asked'); // bash itself adds that what it waited for was terminated
    expect(heard.events.at(-1)).toMatchObject({ error: { evalue: '3' } });
  });
});

describe('the agent as reporter of an environment', () => {
  it('stands in where there is no cat', () => {
    expect(findReporter('/bin', ['/opt/agent'], () => undefined)).toEqual([
      '/opt/agent',
      'report-environment',
    ]);
    expect(findReporter('', [], (name, path) => `${path.split(':')[0] ?? ''}/${name}`)).toEqual([
      '/usr/local/sbin/cat',
      '/proc/self/environ',
    ]);
  });
});
