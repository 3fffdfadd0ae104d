import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { connectPty, createPty } from './support/pty-client.ts';
import type { PtyClient } from './support/pty-client.ts';

const MEBIBYTE = 1024 * 1024;

let agent: AgentProcess;
beforeAll(async () => {
  agent = await startAgent();
});
afterAll(() => agent[Symbol.asyncDispose]());

function descriptors(): number {
  return readdirSync(`/proc/${agent.pid}/fd`).length;
}

function memoryBytes(): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${agent.pid}/status`, 'latin1'))?.[1];
  return Number(kib) * 1024;
}

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

async function session(command: string, query = ''): Promise<PtyClient> {
  const client = await connectPty(agent.url, await createPty(agent.url, { command }), query);
  await client.message('connected');
  return client;
}

/** Waits until nothing grows any more, and returns by how much memory grew at most. */
async function watchMemory(isOver: () => boolean): Promise<number> {
  const before = memoryBytes();
  let most = 0;
  while (!isOver()) {
    most = Math.max(most, memoryBytes() - before);
    await pause(20);
  }
  return most;
}

describe('a pty under load', () => {
  it('echoes what is typed, key by key', async () => {
    const client = await session('stty raw; echo up; exec cat >/dev/null');
    await client.see('up');
    const before = client.received();
    for (let round = 1; round <= 300; round += 1) {
      client.type('x');
      while (client.received() < before + round) await once(client.socket, 'message');
    }
    client.socket.terminate();
    expect(client.received()).toBe(before + 300);
  });

  it.each(['', '?pty=0'])('makes the program wait for a client that does not read, at %s', async (query) => {
    const size = 200 * MEBIBYTE;
    const client = await session(`head -c ${size} /dev/zero; sleep 60`, query);
    client.socket.pause();
    const end = performance.now() + 1000;
    expect(await watchMemory(() => performance.now() > end)).toBeLessThan(32 * MEBIBYTE);
    expect(client.received()).toBeLessThan(size);
    client.socket.resume();
    expect(await watchMemory(() => client.received() >= size)).toBeLessThan(32 * MEBIBYTE);
    expect(client.received()).toBe(size);
    client.socket.terminate();
  });

  it.each([
    ['stty raw -echo; ', ''],
    ['', '?pty=0'],
  ])('takes a large paste at the pace of the program, after "%s" at %s', async (prepare, query) => {
    const size = 24 * MEBIBYTE;
    const client = await session(`${prepare}echo up; sleep 1; head -c ${size} | cksum; sleep 60`, query);
    await client.see('up');
    const before = memoryBytes();
    const text = Buffer.alloc(MEBIBYTE, 'abcdefghi\n').toString();
    for (let at = 0; at < size; at += MEBIBYTE) client.type(text);
    await pause(500);
    expect(client.socket.bufferedAmount).toBeGreaterThan(0);
    expect(memoryBytes() - before).toBeLessThan(16 * MEBIBYTE);
    client.tell({ type: 'ping' });
    await client.see(/\d+ 25165824/);
    await client.message('pong');
    client.socket.terminate();
  });

  it('leaves nothing behind after many connections', async () => {
    const connectOften = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round += 1) {
        const id = await createPty(agent.url);
        const client = await connectPty(agent.url, id, round % 2 === 0 ? '' : '?pty=0');
        client.type('echo hi; exit\n');
        await client.closed();
        await fetch(`${agent.url}/pty/${id}`, { method: 'DELETE' });
      }
    };
    await connectOften(100);
    const [fds, memory] = [descriptors(), memoryBytes()];
    await connectOften(200);
    expect(descriptors()).toBeLessThanOrEqual(fds);
    expect(memoryBytes() - memory).toBeLessThan(16 * MEBIBYTE);
  });
});
