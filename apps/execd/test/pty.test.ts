import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { eventually, post } from './support/event-lines.ts';
import { connectPty, createPty } from './support/pty-client.ts';
import type { PtyClient } from './support/pty-client.ts';

let agent: AgentProcess;
let url: string;
const clients: PtyClient[] = [];
beforeAll(async () => {
  agent = await startAgent();
  url = agent.url;
});
afterAll(async () => {
  for (const client of clients) client.socket.terminate();
  await agent[Symbol.asyncDispose]();
});

async function open(id: string, query = '', base = url): Promise<PtyClient> {
  const client = await connectPty(base, id, query);
  clients.push(client);
  return client;
}

/** A shell with a prompt of its own, at which it waits. */
async function shell(query = '', body: unknown = {}): Promise<{ id: string; client: PtyClient }> {
  const id = await createPty(url, body);
  const client = await open(id, query);
  client.type("PS1='ready'': '\n");
  await client.see('ready: ');
  return { id, client };
}

async function status(id: string): Promise<{ running: boolean; output_offset: number }> {
  return (await (await fetch(`${url}/pty/${id}`)).json()) as { running: boolean; output_offset: number };
}

describe('a pty session', () => {
  it.each([[undefined], ['{}'], ['null']])('is made from the body %s and runs nothing yet', async (body) => {
    const response = await fetch(`${url}/pty`, { method: 'POST', ...(body === undefined ? {} : { body }) });
    expect(response.status).toBe(201);
    const { session_id: id } = (await response.json()) as { session_id: string };
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-/);
    expect(await (await fetch(`${url}/pty/${id}`)).json()).toEqual({
      session_id: id,
      running: false,
      output_offset: 0,
    });
  });

  it.each([
    ['{', 400, /^error parsing request: /],
    ['{"cwd":5}', 400, /^error parsing request: cwd must be a string/],
    ['{"cwd":"$NOPE_A"}', 400, /undefined environment variables: NOPE_A/],
    ['{"cwd":"/proc/version/x"}', 500, /^error creating pty session\. /],
  ])('is refused once and in JSON for %s', async (body, code, message) => {
    const response = await post(url, '/pty', body);
    expect(response.status).toBe(code);
    const error = (await response.json()) as { code: string; message: string };
    expect(error.code).toBe(code === 400 ? 'INVALID_REQUEST_BODY' : 'RUNTIME_ERROR');
    expect(error.message).toMatch(message);
  });

  it('starts in a directory that is made for it', async () => {
    const cwd = `/tmp/pty-test-${process.pid}/a b`;
    const { client } = await shell('', { cwd });
    client.type('pwd; rmdir "$PWD"; cd /; rmdir /tmp/pty-test-*\n');
    await client.see(cwd);
  });

  it('is not known when it was never made, on any route', async () => {
    for (const [method, path] of [
      ['GET', '/pty/nope'],
      ['DELETE', '/pty/nope'],
      ['GET', '/pty/nope/ws'],
    ] as const) {
      const response = await fetch(url + path, { method });
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        404,
        'CONTEXT_NOT_FOUND',
      ]);
    }
    await expect(open('nope')).rejects.toThrow('refused with 404');
  });

  it.each(['', '/proxy/PORT'])('greets first and carries what is typed, at %s', async (prefix) => {
    const base = url + prefix.replace('PORT', String(agent.port));
    const id = await createPty(base);
    const client = await open(id, '', base);
    await client.message('connected');
    expect(client.messages[0]).toEqual({ type: 'connected', session_id: id, mode: 'pty' });
    expect(client.order[0]).toBe('connected');
    client.type('echo h""i\n');
    await client.see('\r\nhi\r\n');
    client.tell({ type: 'stdin', data: 'echo ä""ö; tty\n' });
    await client.see('\r\näö\r\n/dev/pts/');
    expect((await status(id)).running).toBe(true);
  });

  it('has the size that is asked for, at once and later', async () => {
    const { client } = await shell();
    client.type('stty size\n');
    await client.see('\r\n24 80\r\n');
    client.type("trap 'echo wi''nch' WINCH; echo s''et\n");
    await client.see('set');
    client.tell({ type: 'resize', cols: 120, rows: 40 });
    client.tell({ type: 'resize', cols: 0, rows: 40 });
    client.type('stty size\n');
    await client.see('\r\n40 120\r\n');
    await client.see('winch');
  });

  it('tells output and errors apart between pipes', async () => {
    const id = await createPty(url);
    const client = await open(id, '?pty=0');
    expect(await client.message('connected')).toMatchObject({ mode: 'pipe' });
    client.tell({ type: 'resize', cols: 100, rows: 30 });
    client.type('echo o; echo e >&2; test -t 1 || echo no-tty; echo again >/dev/stdout\n');
    await eventually(async () => (client.text('stderr') === 'e\n' ? true : undefined));
    await eventually(async () => (client.text('stdout') === 'o\nno-tty\nagain\n' ? true : undefined));
    client.tell({ type: 'signal', signal: 'SIGTERM' });
    expect(await client.message('exit')).toEqual({ type: 'exit', exit_code: -1 });
  });

  it('answers pings, refuses types it does not know and ignores the rest', async () => {
    const { client } = await shell();
    client.tell('{"type":');
    client.socket.send(Buffer.from([7, 65]));
    client.socket.send(Buffer.alloc(0));
    client.tell({ type: 'signal', signal: 'SIGUSR9' });
    client.tell({ type: 'x' });
    client.tell({ type: 'ping' });
    await client.message('pong');
    expect(client.messages.slice(1)).toEqual([
      { type: 'error', error: 'unknown frame type "x"', code: 'INVALID_FRAME' },
      { type: 'pong' },
    ]);
    client.type('echo al""ive\n');
    await client.see('alive');
  });

  it('answers a ping of the protocol and does not compress', async () => {
    const { client } = await shell();
    expect(client.socket.extensions).toBe('');
    let isAnswered = false;
    client.socket.once('pong', () => (isAnswered = true));
    client.socket.ping();
    await eventually(async () => (isAnswered ? true : undefined));
  });

  it.each([
    ['', 42],
    ['?pty=0', 42],
  ])('tells all output before the exit code, at %s', async (query, code) => {
    const id = await createPty(url, { command: 'head -c 3000000 /dev/zero | tr "\\0" x; echo end; exit 42' });
    const client = await open(id, query);
    expect(await client.closed()).toEqual({ code: 1000, reason: 'process exited' });
    expect(client.messages.at(-1)).toEqual({ type: 'exit', exit_code: code });
    expect(client.order.at(-1)).toBe('exit');
    expect(client.bytes().toString()).toMatch(/^x{3000000}end\r?\n$/);
    const { running, output_offset: offset } = await status(id);
    expect([running, offset]).toEqual([false, client.bytes().length]);
  });

  it.each(['sleep 30', 'yes'])('ends when the shell does, though it leaves %s behind', async (left) => {
    const { client } = await shell();
    client.type(`${left} & exit 3\n`);
    const started = performance.now();
    expect(await client.message('exit')).toEqual({ type: 'exit', exit_code: 3 });
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('goes on while nobody is connected and replays what was missed', async () => {
    const { id, client } = await shell();
    client.type('X=kept; echo be""fore\n');
    await client.see('\r\nbefore\r\n');
    const seen = client.bytes().length;
    client.close();
    await client.closed();
    const all = await open(id);
    await all.message('connected');
    expect(all.order.slice(0, 2)).toEqual(['replay', 'connected']);
    expect(all.replays[0]?.offset).toBe(0);
    expect(all.replays[0]?.bytes.toString()).toContain('\r\nbefore\r\n');
    all.type('echo $X\n');
    await all.see('kept');
    all.close();
    await all.closed();
    const rest = await open(id, `?since=${seen}`);
    await rest.message('connected');
    expect(rest.replays[0]?.offset).toBe(seen);
    expect(rest.replays[0]?.bytes.toString()).not.toContain('before');
    rest.close();
    await rest.closed();
    const none = await open(id, '?since=99999999');
    await none.message('connected');
    expect(none.order).toEqual(['connected']);
  });

  it('keeps the last mebibyte', async () => {
    const id = await createPty(url, { command: 'head -c 2500000 /dev/zero | tr "\\0" y; sleep 60' });
    const client = await open(id);
    await eventually(async () => (client.received() === 2_500_000 ? true : undefined));
    client.close();
    await client.closed();
    const again = await open(id, '?since=0');
    await again.message('connected');
    const [replay] = again.replays;
    expect([replay?.offset, replay?.bytes.length]).toEqual([2_500_000 - 1_048_576, 1_048_576]);
  });

  it('has one client: another is refused, a plain request too, and one that takes over replaces it', async () => {
    const { id, client } = await shell();
    client.type('MINE=yes\n');
    await expect(open(id)).rejects.toThrow('refused with 409');
    const plain = await fetch(`${url}/pty/${id}/ws?takeover=1`);
    expect([plain.status, await plain.json()]).toMatchObject([409, { code: 'ALREADY_CONNECTED' }]);
    client.type('echo st""ill\n');
    await client.see('still');
    const other = await open(id, '?takeover=1&since=999999');
    expect(await client.closed()).toEqual({ code: 4001, reason: 'TAKEN_OVER' });
    other.type('echo $MINE\n');
    await other.see('yes');
  });

  it('is free again after a request that is no handshake', async () => {
    const id = await createPty(url);
    const plain = await fetch(`${url}/pty/${id}/ws`);
    expect([plain.status, plain.headers.get('content-type')]).toEqual([400, 'text/plain; charset=utf-8']);
    await (await open(id)).message('connected');
  });

  it('survives clients that take it over from each other', async () => {
    const { id } = await shell();
    const all = await Promise.all(Array.from({ length: 6 }, () => open(id, '?takeover=1')));
    const states = await eventually(async () => {
      const living = all.filter((client) => client.socket.readyState === 1);
      return living.length === 1 ? living : undefined;
    });
    states[0]?.type('echo su""rvived\n');
    await states[0]?.see('survived');
  });

  it('loses and repeats nothing when clients change while it prints', async () => {
    const command = 'i=0; while [ $i -lt 60000 ]; do echo "line $i"; i=$((i+1)); done; sleep 60';
    const id = await createPty(url, { command });
    const pieces: Buffer[] = [];
    let offset = 0;
    const expected = Array.from({ length: 60_000 }, (_, index) => `line ${index}\r\n`).join('');
    for (let round = 0; offset < expected.length; round += 1) {
      const client = await open(id, `?takeover=1&since=${offset}`);
      await eventually(async () => (client.received() > 0 ? true : undefined), 20_000);
      if (round > 40)
        await eventually(async () => (offset + client.received() >= expected.length ? 1 : undefined));
      client.socket.pause();
      if (client.replays[0] !== undefined) expect(client.replays[0].offset).toBe(offset);
      const bytes = client.bytes();
      offset += bytes.length;
      pieces.push(bytes);
      client.socket.terminate();
    }
    expect(Buffer.concat(pieces).toString() === expected).toBe(true);
  });
});

describe('signals of a pty session', () => {
  it('reach what runs in the foreground and leave the shell alone', async () => {
    const { client } = await shell();
    const started = performance.now();
    client.type('sleep 30; echo "status $?"\n');
    await running('sleep 30');
    client.tell({ type: 'signal', signal: 'SIGINT' });
    await client.see('ready: ');
    client.type('sleep 31; echo "over"\n');
    await running('sleep 31');
    client.type('\x03');
    client.type('echo al""ive\n');
    await client.see('alive');
    client.type('sleep 32; echo "code $?"\n');
    await running('sleep 32');
    client.tell({ type: 'signal', signal: 'SIGKILL' });
    await client.see('code 137');
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('kill the shell when it is in the foreground itself', async () => {
    const { client } = await shell();
    client.tell({ type: 'signal', signal: 'SIGKILL' });
    expect(await client.closed()).toEqual({ code: 1000, reason: 'process exited' });
    expect(client.messages.at(-1)).toEqual({ type: 'exit', exit_code: -1 });
  });

  it('come from job control as on any terminal', async () => {
    const { client } = await shell();
    client.type('sleep 33\n');
    await running('sleep 33');
    client.type('\x1a');
    await client.see('Stopped');
    client.type('bg; jobs; kill %1; fg; echo do""ne\n');
    await client.see('done');
    expect(client.text()).not.toContain('no job control');
  });
});

describe('the end of a pty session', () => {
  it('is a kill that its client is told of, and happens once', async () => {
    const { id, client } = await shell();
    client.type('sleep 300 & sleep 301\n');
    await running('sleep 301');
    const answers = [];
    for (let round = 0; round < 2; round += 1) {
      answers.push((await fetch(`${url}/pty/${id}`, { method: 'DELETE' })).status);
    }
    expect(answers).toEqual([200, 404]);
    expect(await client.message('exit')).toEqual({ type: 'exit', exit_code: -1 });
    await expect(open(id)).rejects.toThrow('refused with 404');
    for (const left of ['sleep 300', 'sleep 301']) {
      await eventually(async () => ((await isRunning(left)) ? undefined : true));
    }
  });

  it('is not the end: whoever connects later starts the command anew', async () => {
    const id = await createPty(url, { command: 'echo run; exit 7' });
    const first = await open(id);
    await first.closed();
    const second = await open(id, '?since=5');
    await second.closed();
    expect(second.text()).toBe('run\r\n');
    expect(second.messages.at(-1)).toEqual({ type: 'exit', exit_code: 7 });
    expect((await status(id)).output_offset).toBe(10);
  });

  it('is told again to those who do not want the command run anew', async () => {
    const id = await createPty(url, { command: 'echo run; exit 7' });
    await (await open(id, '?restart=0')).closed();
    const later = await open(id, '?restart=0');
    expect(await later.closed()).toEqual({ code: 1000, reason: 'process exited' });
    expect(later.order).toEqual(['replay', 'connected', 'exit']);
    expect(later.bytes().toString()).toBe('run\r\n');
    expect(later.messages.at(-1)).toEqual({ type: 'exit', exit_code: 7 });
    expect((await status(id)).output_offset).toBe(5);
  });

  it('comes at once with a reason when the shell cannot be started', async () => {
    const cwd = `/tmp/pty-gone-${process.pid}`;
    const id = await createPty(url, { cwd });
    const { rmdir } = await import('node:fs/promises');
    await rmdir(cwd);
    for (const query of ['', '?pty=0']) {
      const client = await open(id, query);
      expect(await client.message('error')).toMatchObject({
        code: 'START_FAILED',
        error: expect.stringContaining('no such file') as string,
      });
      await client.closed();
    }
  });
});

describe('an agent that stops', () => {
  it('lets pty clients go and leaves none of their programs', async () => {
    const stopping = await startAgent();
    const id = await createPty(stopping.url);
    const client = await connectPty(stopping.url, id);
    client.type('sleep 302\n');
    await running('sleep 302');
    expect(await stopping.stop()).toBe(0);
    expect(await client.closed()).toEqual({ code: 1001, reason: 'the agent stops' });
    await eventually(async () => ((await isRunning('sleep 302')) ? undefined : true));
  });
});

async function isRunning(command: string): Promise<boolean> {
  const { readdir, readFile } = await import('node:fs/promises');
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (line === `${command.replaceAll(' ', '\0')}\0`) return true;
  }
  return false;
}

function running(command: string): Promise<true> {
  return eventually(async () => ((await isRunning(command)) ? true : undefined));
}
