import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { eventually, post, runCommand } from '../../apps/execd/test/support/event-lines.ts';
import { connectPty, createPty } from '../../apps/execd/test/support/pty-client.ts';
import { docker, IMAGES, startSandbox } from '../../apps/execd/test/support/sandbox-container.ts';
import { openSession } from '../../apps/execd/test/support/session-client.ts';
import { type Holdings, holdingsOf } from '../../test/support/churn.ts';
import { inParallel } from '../bench/figures.ts';

export interface ExecdSoak {
  readonly commands: number;
  readonly terminals: number;
  readonly fuzzRounds: number;
  /** How long one upload takes, a byte a second. */
  readonly slowSeconds: number;
}

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const WARM_UP = 0.2;
const FILES_SLACK = 10;
/** Ten thousand commands are remembered for an hour: some of this is meant. */
const MEMORY_SLACK_MIB = 24;

interface Agent {
  readonly url: string;
  readonly pid: number;
}

/** Asks much of one agent, in a real container; tells what went wrong. */
export async function soakExecd(wanted: ExecdSoak): Promise<string[]> {
  const problems: string[] = [];
  {
    await using sandbox = await startSandbox({ image: IMAGES[0], command: ['sleep', 'infinity'] });
    const url = await sandbox.url();
    const agent = { url, pid: await agentPid(sandbox.id) };
    const slow = slowUpload(url, wanted.slowSeconds);
    problems.push(...(await growth(agent, 'commands', wanted.commands, (n) => oneCommand(agent, n))));
    problems.push(...(await growth(agent, 'terminals', wanted.terminals, () => oneTerminal(agent))));
    problems.push(...(await slow));
    const starts = (await sandbox.logs()).split('"agent.listening"').length - 1;
    if (starts !== 1) problems.push(`the agent started ${starts} times`);
  }
  for (let round = 0; round < wanted.fuzzRounds; round += 1) problems.push(...(await fuzz()));
  return problems;
}

async function agentPid(id: string): Promise<number> {
  const { stdout } = await docker(['top', id, '-eo', 'pid,args']);
  const line = stdout.split('\n').find((row) => /^\s*\d+\s+\/opt\/opensandbox\/execd/.test(row));
  if (line === undefined) throw new Error(`no agent among ${stdout}`);
  return Number(line.trim().split(' ')[0]);
}

/** Does `work` so many times and compares what the agent holds after the first part and at the end. */
async function growth(
  { pid }: Agent,
  what: string,
  count: number,
  work: (n: number) => Promise<void>,
): Promise<string[]> {
  const width = 8;
  const warmUp = Math.ceil(count * WARM_UP);
  await inParallel(warmUp, width, work);
  const before = await settled(pid);
  await inParallel(count - warmUp, width, work);
  const after = await settled(pid);
  console.log(
    `${count} ${what}; after ${warmUp} ${JSON.stringify(before)}, at the end ${JSON.stringify(after)}`,
  );
  const isFlat =
    after.files <= before.files + FILES_SLACK && after.memoryMiB <= before.memoryMiB + MEMORY_SLACK_MIB;
  return isFlat ? [] : [`the agent's open files or memory grew with ${what}`];
}

/** What is held once nothing happens: it gives memory back a few seconds after its last request. */
async function settled(pid: number): Promise<Holdings> {
  await pause(10_000);
  return holdingsOf(pid);
}

async function oneCommand({ url }: Agent, n: number): Promise<void> {
  if (n % 10 === 0) {
    const { id } = await runCommand(url, `echo ${n}`, { background: true });
    await eventually(async () => {
      const status = (await (await fetch(`${url}/command/status/${id}`)).json()) as { running: boolean };
      return status.running ? undefined : true;
    });
    const logs = await (await fetch(`${url}/command/${id}/logs`)).text();
    if (logs !== `${n}\n`) throw new Error(`the log of command ${n} is ${JSON.stringify(logs)}`);
    return;
  }
  if (n % 10 === 1) {
    const session = await openSession(url);
    await session.run(`export N=${n}`);
    expectOutput(n, (await session.run('echo $N')).stdout);
    await session.delete();
    return;
  }
  expectOutput(n, (await runCommand(url, `echo ${n}; echo ${n} >&2`)).stdout);
}

function expectOutput(n: number, stdout: readonly string[]): void {
  if (stdout.length !== 1 || stdout[0] !== `${n}`) throw new Error(`command ${n} said ${stdout.join()}`);
}

/** A shell, a client that leaves, another that comes back, the end. */
async function oneTerminal({ url }: Agent): Promise<void> {
  const id = await createPty(url);
  const first = await connectPty(url, id);
  await first.message('connected');
  first.type('echo first-$((1+1))\n');
  await first.see('first-2');
  const second = await connectPty(url, id, '?takeover=1');
  await first.closed();
  second.type('echo second-$((1+1))\n');
  await second.see('second-2');
  second.close();
  await second.closed();
  const deleted = await fetch(`${url}/pty/${id}`, { method: 'DELETE' });
  if (deleted.status !== 200) throw new Error(`DELETE /pty: ${deleted.status}`);
}

async function slowUpload(url: string, seconds: number): Promise<string[]> {
  const sent = request(`${url}/files/upload`, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/form-data; boundary=B' },
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => undefined); // told below
  const head = (name: string): string =>
    `--B\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\n\r\n`;
  sent.write(`${head('metadata')}{"path":"/tmp/slow"}\r\n${head('file')}`);
  for (let second = 0; second < seconds; second += 1) {
    await pause(1000);
    sent.write('x');
  }
  sent.end('\r\n--B--\r\n');
  try {
    const [answer] = await answered;
    answer.resume();
    const size = (await (await post(url, '/command', { command: 'wc -c < /tmp/slow' })).text()).includes(
      `"${seconds}"`,
    );
    return answer.statusCode === 200 && size ? [] : [`a slow upload ended with ${answer.statusCode}`];
  } catch (error) {
    return [`a slow upload failed: ${String(error)}`];
  }
}

/** The short form of `verify`, longer and with requests of its own. */
async function fuzz(): Promise<string[]> {
  const seed = String(Math.floor(Math.random() * 2 ** 31));
  const child = spawn(
    process.execPath,
    [
      join(REPOSITORY, 'node_modules/vitest/vitest.mjs'),
      ...['run', '--project', 'engine', 'apps/execd/test/agent-fuzz.test.ts'],
    ],
    {
      cwd: REPOSITORY,
      env: {
        ...process.env,
        EXECD_FUZZ_SEED: seed,
        EXECD_FUZZ_RUNS: '5000',
        // A redirection repeats the query it was asked with, which may be longer than Node reads by default.
        NODE_OPTIONS: '--max-http-header-size=1048576',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0 ? [] : [`requests of seed ${seed} were not answered soundly`];
}
