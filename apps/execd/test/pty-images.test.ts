import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from './support/event-lines.ts';
import { connectPty, createPty } from './support/pty-client.ts';
import type { PtyClient } from './support/pty-client.ts';
import { startSandbox, whyNoContainers } from './support/sandbox-container.ts';
import type { ContainerOptions, SandboxContainer } from './support/sandbox-container.ts';

const skipped = await whyNoContainers();
if (skipped !== undefined) console.warn(`pty in containers skipped: ${skipped}`);

const DEBIAN = 'opensandbox-demo:latest';
const BUSYBOX = 'opensandbox-test/busybox:latest';

const KINDS: readonly (readonly [string, ContainerOptions])[] = [
  ['Debian', { image: DEBIAN }],
  ['busybox', { image: BUSYBOX }],
  ['busybox for a user without rights', { image: BUSYBOX, flags: ['--user=65534:65534'] }],
  ['Debian on a read-only file system', { image: DEBIAN, flags: ['--read-only', '--tmpfs=/tmp'] }],
];

const containers: SandboxContainer[] = [];
const clients: PtyClient[] = [];
afterAll(async () => {
  for (const client of clients) client.socket.terminate();
  await Promise.all(containers.map((container) => container[Symbol.asyncDispose]()));
});

async function start(options: ContainerOptions): Promise<string> {
  const container = await startSandbox({ command: ['-c', 'sleep 600'], ...options });
  containers.push(container);
  return container.url();
}

async function open(url: string, body: unknown = {}, query = ''): Promise<PtyClient> {
  const client = await connectPty(url, await createPty(url, body), query);
  clients.push(client);
  return client;
}

describe.skipIf(skipped !== undefined)('a pty', () => {
  it.each(KINDS)('has job control, signals and an end in %s', async (_name, options) => {
    const url = await start({ ...options, env: { FROM_IMAGE: 'yes' } });
    const client = await open(`${url}/proxy/44772`);
    client.type('echo a""bc $FROM_IMAGE; test -t 0 && echo t""ty; stty size\n');
    await client.see(/abc yes\r\ntty\r\n24 80/);
    client.tell({ type: 'resize', cols: 100, rows: 31 });
    client.type('stty size\n');
    await client.see('31 100');

    client.type('echo go; sleep 30; echo st""atus $?\n');
    await client.see(/\r\ngo\r\n/);
    await interrupted(client, () => client.tell({ type: 'signal', signal: 'SIGINT' }), '');
    client.type('echo go2; sleep 30; echo st""atus $?\n');
    await client.see(/\r\ngo2\r\n/);
    await interrupted(client, () => client.type('\x03'), '2');

    client.type('exit 42\n');
    expect(await client.message('exit')).toEqual({ type: 'exit', exit_code: 42 });
    expect(await client.closed()).toEqual({ code: 1000, reason: 'process exited' });

    const piped = await open(url, {}, '?pty=0');
    piped.type('echo o; echo e >&2\n');
    await eventually(async () => (piped.text('stdout') === 'o\n' ? true : undefined));
    await eventually(async () => (piped.text('stderr') === 'e\n' ? true : undefined));
  });

  it('serves a program that paints the whole screen', async () => {
    const url = await start({ image: BUSYBOX, env: { TERM: 'xterm' } });
    const client = await open(url, { cwd: '/tmp' });
    client.type('vi note\n');
    await client.see('- note 1/1');
    client.type('ihello world');
    await client.see('hello world');
    client.type('\x1b');
    await client.see('- note [Modified]');
    client.type(':wq\n');
    await client.see('\x1b[?1049l'); // back from its screen
    client.type('cat /tmp/note; echo en""d\n');
    await client.see('hello world\r\nend');
  });

  it('sees variables that were written to the environment file', async () => {
    const url = await start({ image: BUSYBOX, env: { EXECD_ENVS: '/tmp/envs' } });
    const write = await fetch(`${url}/command`, {
      method: 'POST',
      body: JSON.stringify({ command: 'echo LATER=seen >/tmp/envs' }),
    });
    await write.text();
    const client = await open(url, { command: 'echo "<$LATER>"' });
    await client.see('<seen>');
  });

  it('says why when there is no terminal to be had', async () => {
    const url = await start({ image: DEBIAN, flags: ['--tmpfs=/dev/pts'] });
    const client = await open(url);
    expect(await client.message('error')).toMatchObject({
      code: 'START_FAILED',
      error: 'no terminal can be opened: no such file or directory',
    });
    await client.closed();
    const piped = await open(url, { command: 'echo works' }, '?pty=0');
    await piped.see('works');
  });
});

/** The command runs no longer, and the shell goes on. */
async function interrupted(client: PtyClient, interrupt: () => void, mark: string): Promise<void> {
  const start = performance.now();
  interrupt();
  client.type(`echo ba""ck${mark}\n`);
  await client.see(`back${mark}`);
  expect(performance.now() - start).toBeLessThan(8000);
}
