import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { eventsOf, eventually, post, runCommand } from './support/event-lines.ts';
import { startSandbox, whyNoContainers } from './support/sandbox-container.ts';

const MEBIBYTE = 1024 * 1024;
const TEMPORARY = mkdtempSync(join(tmpdir(), 'execd-output-'));
const OUTPUTS = join(TEMPORARY, 'tmp');
let agent: AgentProcess;

beforeAll(async () => {
  agent = await startAgent({ env: { TMPDIR: OUTPUTS } });
  for (let n = 0; n < 20; n += 1) await runCommand(agent.url, 'echo warm');
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  rmSync(TEMPORARY, { recursive: true, force: true });
});

const memory = (): number => {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${agent.pid}/status`, 'utf8'))?.[1]) * 1024;
};
const descriptors = (): number => readdirSync(`/proc/${agent.pid}/fd`).length;
const filesKept = (): string[] => {
  return readdirSync(OUTPUTS).flatMap((name) => readdirSync(join(OUTPUTS, name)));
};

/** The most memory the agent takes while something happens, beyond what it took before. */
async function growthDuring(work: () => Promise<void>): Promise<number> {
  const before = memory();
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, memory())), 20);
  await work().finally(() => clearInterval(watch));
  return most - before;
}

describe('the output of a foreground command', () => {
  it('is streamed fast and in bounded memory, however much it is', async () => {
    const line = 'x'.repeat(999);
    let bytes = 0;
    const growth = await growthDuring(async () => {
      const response = await post(agent.url, '/command', { command: `yes ${line} | head -c 200000000` });
      for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) bytes += piece.length;
    });
    expect(bytes).toBeGreaterThan(200_000_000);
    expect(growth).toBeLessThan(64 * MEBIBYTE);
  });

  it('shows a prompt before its line ends to a client that asks for partial lines, and to no other', async () => {
    const command = "printf 'Name? '; sleep 1; printf '\\n'; echo hello";
    const asked = await runCommand(agent.url, command, { partial_lines: true });
    const told = asked.events.filter((event) => event.type === 'stdout');
    expect(told.map(({ text, partial }) => ({ text, partial }))).toEqual([
      { text: 'Name? ', partial: true },
      { text: '\n', partial: undefined },
      { text: 'hello', partial: undefined },
    ]);
    const usual = await runCommand(agent.url, command);
    expect(usual.stdout).toEqual(['Name? ', 'hello']);
    expect(usual.events.some((event) => 'partial' in event)).toBe(false);
  });

  it('makes the command wait for a client that reads slowly', async () => {
    const marker = join(TEMPORARY, 'slow');
    const response = await post(agent.url, '/command', {
      command: `head -c 100000000 /dev/zero | tr '\\0' '\\n' >/dev/stdout; touch ${marker}`,
    });
    const reader = response.body?.getReader();
    const growth = await growthDuring(async () => {
      for (let n = 0; n < 30; n += 1) {
        await reader?.read();
        await new Promise((resume) => setTimeout(resume, 20));
      }
    });
    expect(existsSync(marker)).toBe(false);
    expect(growth).toBeLessThan(64 * MEBIBYTE);
    expect((await fetch(`${agent.url}/ping`)).status).toBe(200);
    await reader?.cancel();
    await eventually(async () => (existsSync(marker) ? true : undefined), 30_000);
  });

  it('is read and dropped when the client has gone, and never reaches the disk', async () => {
    const marker = join(TEMPORARY, 'gone');
    const client = new AbortController();
    const response = await fetch(`${agent.url}/command`, {
      method: 'POST',
      body: JSON.stringify({ command: `echo ready; head -c 2000000000 /dev/zero; touch ${marker}` }),
      signal: client.signal,
    });
    const growth = await growthDuring(async () => {
      for await (const event of eventsOf(response)) if (event.type === 'stdout') break;
      client.abort();
      await eventually(async () => (existsSync(marker) ? true : undefined), 50_000);
    });
    expect(growth).toBeLessThan(64 * MEBIBYTE);
    await eventually(async () => (filesKept().length === 0 ? true : undefined));
  });

  it('is whole when it comes just before the end', async () => {
    for (let n = 0; n < 50; n += 1) {
      const { stdout, stderr, last } = await runCommand(
        agent.url,
        `seq 1 2000; seq 1 100 >&2; printf tail; exit ${n}`,
      );
      expect(stdout).toHaveLength(2001);
      expect(stdout.at(-1)).toBe('tail');
      expect(stderr).toHaveLength(100);
      expect(last.type).toBe(n === 0 ? 'execution_complete' : 'error');
    }
  });

  it('costs neither memory nor descriptors in the long run', async () => {
    const run = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) await runCommand(agent.url, 'echo x; echo y >&2');
    };
    await run(100);
    const [memoryBefore, descriptorsBefore] = [memory(), descriptors()];
    await run(400);
    expect(memory() - memoryBefore).toBeLessThan(16 * MEBIBYTE);
    await eventually(async () => (descriptors() <= descriptorsBefore + 4 ? true : undefined));
    await eventually(async () => (filesKept().length === 0 ? true : undefined));
  });

  it('does not keep a hundred commands from starting at once', async () => {
    const started = Date.now();
    const first = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const response = await post(agent.url, '/command', { command: `echo ${n}; sleep 2` });
        for await (const event of eventsOf(response))
          if (event.type === 'stdout') return Date.now() - started;
        return Infinity;
      }),
    );
    expect(Math.max(...first)).toBeLessThan(5000); // a second on a machine that does nothing else
  });
});

const missing = await whyNoContainers();

describe.skipIf(missing !== undefined)('the output of a background command', () => {
  it('keeps its end, and its offsets, where there is little room', async () => {
    await using sandbox = await startSandbox({
      image: 'opensandbox-test/busybox:latest',
      command: ['sleep', '600'],
      flags: ['--tmpfs=/tmp:size=64m'],
    });
    const url = await sandbox.url();
    const command =
      'i=0; while [ $i -lt 200 ]; do head -c 1000000 /dev/zero; usleep 20000; i=$((i+1)); done; echo end';
    const { id } = await runCommand(url, command, { background: true });
    const status = await eventually(async () => {
      const now = (await (await fetch(`${url}/command/status/${id}`)).json()) as Record<string, unknown>;
      return now['running'] === false ? now : undefined;
    }, 40_000);
    expect(status).toMatchObject({ exit_code: 0 });
    const response = await fetch(`${url}/command/${id}/logs?cursor=0`);
    expect(response.headers.get('execd-commands-tail-cursor')).toBe('200000004');
    const text = await response.text();
    expect(text.length).toBeLessThan(48 * MEBIBYTE);
    expect(text.length).toBeGreaterThan(7 * MEBIBYTE);
    expect(text.endsWith('\0end\n')).toBe(true);
  });
});

describe.skipIf(missing !== undefined)('an agent that is the first process of its container', () => {
  it('reaps orphans and still learns how its own commands end', async () => {
    await using sandbox = await startSandbox({
      image: 'opensandbox-demo:latest',
      entrypoint: ['/opt/opensandbox/execd'],
    });
    const url = await sandbox.url();
    const orphans = 'for i in 1 2 3 4 5; do (sleep 0.$i &); done';
    const ends = Array.from({ length: 30 }, (_, n) =>
      runCommand(url, `${orphans}; sleep 0.${n % 10}; exit ${n}`),
    );
    const exits = (await Promise.all(ends)).map(({ last }) => last.error?.evalue ?? '0');
    expect(exits).toEqual(Array.from({ length: 30 }, (_, n) => String(n)));
    await eventually(async () => {
      const left = await sandbox.exec(
        'sh',
        '-c',
        'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z " || true',
      );
      return left.trim() === '0' ? true : undefined;
    }, 20_000);
  });
});
