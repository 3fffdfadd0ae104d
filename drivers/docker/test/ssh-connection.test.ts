import { readFile, readdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { Agent, AgentOptions, IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { FakeClock } from '@opensandbox/testkit';
import { expect, it } from 'vitest';
import { readConnection } from '../src/engine/connection.ts';
import { sshAgent } from '../src/engine/ssh-connection.ts';
import { openTransport } from '../src/engine/transport.ts';
import { temporaryDirectory } from './docker-harness.ts';

const CONNECTION = readConnection({ DOCKER_HOST: 'ssh://far' });

/** Answers once, with its own number, and hangs up the way the Docker CLI does when the engine hangs up. */
const HANGS_UP = `process.stdin.once('data', () => {
  const body = String(process.pid);
  const head = 'HTTP/1.1 200 OK\\r\\nContent-Length: ' + body.length + '\\r\\n\\r\\n';
  process.stdout.write(head + body, () => setTimeout(() => process.exit(0), 50));
});`;

const LOGS_IN_SLOWLY = `const { existsSync } = require('node:fs');
const isIn = () => existsSync(require('node:path').join(__dirname, 'go'));
const asked = new Promise((resolve) => process.stdin.once('data', resolve));
const look = setInterval(() => {
  if (!isIn()) return;
  clearInterval(look);
  asked.then(() => process.stdout.write('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nOK'));
}, 10);`;

const TELLS_ITS_GROUP = `process.stdin.once('data', () => {
  const body = require('node:fs').readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')[2];
  process.stdout.write('HTTP/1.1 200 OK\\r\\nContent-Length: ' + body.length + '\\r\\n\\r\\n' + body);
});`;

const NEVER_ENDS = `process.stdin.once('data', () => {
  process.stdout.write('HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n');
  const more = () => { while (process.stdout.write(Buffer.alloc(65536))); };
  process.stdout.on('drain', more);
  more();
});`;

it('goes when the far side hangs up, and the next call makes another', async () => {
  await using program = await openProgram(HANGS_UP);
  const agent = program.agent({ keepAlive: true, maxSockets: 1 });
  const first = await text(await ask(agent, AbortSignal.timeout(10_000)));
  await until(async () => Object.values(agent.freeSockets).flat().length === 0);
  const second = await text(await ask(agent, AbortSignal.timeout(10_000)));
  expect(Number(second)).toBeGreaterThan(0);
  expect(second).not.toBe(first);
  agent.destroy();
});

it('keeps no descriptor of an answer that was left unread', async () => {
  await using program = await openProgram(NEVER_ENDS);
  const agent = program.agent({ keepAlive: false });
  const before = await descriptors();
  for (let round = 0; round < 8; round += 1) {
    const caller = new AbortController();
    const answer = await ask(agent, caller.signal);
    await wait(100); // so that more is on its way than is ever read
    caller.abort();
    answer.on('error', () => undefined);
  }
  await until(async () => (await descriptors()) < before + 4);
  agent.destroy();
});

it('is no part of the process group that a terminal interrupts', async () => {
  await using program = await openProgram(TELLS_ITS_GROUP);
  const agent = program.agent({ keepAlive: false });
  const group = await text(await ask(agent, AbortSignal.timeout(10_000)));
  expect(Number(group)).toBeGreaterThan(0);
  expect(group).not.toBe(groupIn(await readFile('/proc/self/stat', 'utf8')));
  agent.destroy();
});

it('has the time to log in on the far side before a call counts as unanswered', async () => {
  await using program = await openProgram(LOGS_IN_SLOWLY);
  const path = process.env['PATH'];
  process.env['PATH'] = program.directory;
  const clock = new FakeClock();
  try {
    using transport = openTransport(CONNECTION, undefined, clock);
    const request = { method: 'GET', path: '/_ping', timeoutMs: 5_000 } as const;
    const asking = transport.call(request, new AbortController().signal);
    await clock.advance(10_000);
    await writeFile(join(program.directory, 'go'), '');
    expect((await asking).status).toBe(200);
  } finally {
    process.env['PATH'] = path;
  }
});

async function openProgram(script: string) {
  const directory = await temporaryDirectory();
  const path = join(directory.path, 'ssh');
  await writeFile(path, `#!${process.execPath}\n${script}\n`, { mode: 0o755 });
  return {
    directory: directory.path,
    agent: (options: AgentOptions): Agent => sshAgent(CONNECTION, options, path),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

function ask(agent: Agent, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ host: 'far', agent, path: '/', signal }, resolve).once('error', reject).end();
  });
}

function groupIn(stat: string): string | undefined {
  return stat.split(') ')[1]?.split(' ')[2];
}

async function descriptors(): Promise<number> {
  return (await readdir('/proc/self/fd')).length;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const latest = Date.now() + 5_000;
  while (!(await isSo())) {
    if (Date.now() > latest) throw new Error('it does not come to pass');
    await wait(20);
  }
}
