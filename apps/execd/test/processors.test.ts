import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PT_INTERP, readSegments } from '../elf-file.ts';
import { build, INSTALLED_AT } from '../build.ts';
import type { Architecture } from '../image/parts.ts';
import { fetchParts, nativeArchitecture } from '../image/parts.ts';
import { builtImageRoot } from './support/built-agent.ts';
import { runCommand } from './support/event-lines.ts';

interface Processor {
  readonly name: string;
  readonly architecture: Architecture;
  readonly emulator: readonly [string, ...string[]];
}

const PROCESSORS: readonly Processor[] = [
  // From before AVX and AVX2.
  {
    name: 'an amd64 processor of 2008',
    architecture: 'amd64',
    emulator: ['qemu-x86_64-static', '-cpu', 'Nehalem'],
  },
  {
    name: 'an arm64 processor',
    architecture: 'arm64',
    emulator: ['qemu-aarch64-static', '-cpu', 'cortex-a53'],
  },
];
const hasEmulators = PROCESSORS.every(({ emulator }) => spawnSync(emulator[0], ['--version']).status === 0);
if (!hasEmulators) console.log('skipped: no emulators, see the Debian package qemu-user-static');

/** An agent under an emulator, on a port of its own. */
async function startEmulated(processor: Processor) {
  const agent = join(builtImageRoot(processor.architecture), 'execd');
  const [emulator, ...options] = processor.emulator;
  const child = spawn(emulator, [...options, agent, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the agent ended: ${printed}`)));
    child.stdout.on('data', (bytes: Buffer) => {
      printed += bytes.toString();
      const port = /"event":"agent.listening".*?"port":(\d+)/.exec(printed)?.[1];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
  });
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.removeAllListeners('exit');
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe.skipIf(!hasEmulators).each(PROCESSORS)('the agent as one file on $name', (processor) => {
  let files: string;
  beforeAll(() => {
    files = mkdtempSync(join(tmpdir(), 'execd-processors-'));
    builtImageRoot(processor.architecture); // the first time takes longer than a test may
  });
  afterAll(() => rmSync(files, { recursive: true }));

  it('answers, runs a command and keeps a file', async () => {
    await using agent = await startEmulated(processor);
    const ping = await fetch(`${agent.url}/ping`);
    expect([ping.status, await ping.text()]).toEqual([200, '']);
    const { stdout, last } = await runCommand(agent.url, 'printf "a\\nb"; exit 3');
    expect(stdout).toEqual(['a', 'b']);
    expect(last.error?.evalue).toBe('3');
    const path = join(files, 'kept');
    const body = new FormData();
    body.append('metadata', new Blob([JSON.stringify({ path })]), 'metadata');
    body.append('file', new Blob(['of another processor']), 'kept');
    const uploaded = await fetch(`${agent.url}/files/upload`, { method: 'POST', body });
    expect([uploaded.status, await uploaded.text()]).toEqual([200, '']);
    expect(readFileSync(path, 'utf8')).toBe('of another processor');
    const download = await fetch(`${agent.url}/files/download?path=${encodeURIComponent(path)}`);
    expect(await download.text()).toBe('of another processor');
  });

  it('is the launcher, too', () => {
    const [emulator, ...options] = processor.emulator;
    const agent = join(builtImageRoot(processor.architecture), 'execd');
    const emulated = [...options, agent, '--launch'];
    expect(spawnSync(emulator, [...emulated, '/bin/sh', 'sh', '-c', 'exit 5']).status).toBe(5);
    expect(spawnSync(emulator, [...emulated, '/no/such/file', 'x']).status).toBe(127);
  });
});

describe.skipIf(!hasEmulators)('a build for the other processor', () => {
  const other: Architecture = nativeArchitecture() === 'amd64' ? 'arm64' : 'amd64';
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'execd-other-'));
    const target = other === 'arm64' ? 'bun-linux-arm64' : 'bun-linux-x64';
    build({ outDir: join(directory, 'agent'), target, installedAt: INSTALLED_AT, ...fetchParts(other) });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('is of that processor alone, and names its loader by the path where it is installed', () => {
    const machine = other === 'arm64' ? 183 : 62;
    for (const name of ['execd', 'lib/ld.so', 'lib/libc.so.6', 'lib/sh', 'lib/launch']) {
      expect([name, readFileSync(join(directory, 'agent', name)).readUInt16LE(18)]).toEqual([name, machine]);
    }
    const image = readFileSync(join(directory, 'agent', 'execd'));
    const interpreter = readSegments(image).find(({ type }) => type === PT_INTERP);
    expect(image.toString('latin1', interpreter?.offset).split('\0')[0]).toBe(`${INSTALLED_AT}/lib/ld.so`);
  });

  it('runs with its own loader and libraries', () => {
    const agent = join(directory, 'agent');
    const [emulator] = PROCESSORS.find(({ architecture }) => architecture === other)?.emulator ?? ['none'];
    // The emulator looks for absolute paths below the directory first.
    const root = join(directory, 'root');
    spawnSync('sh', ['-c', 'mkdir -p "$0/opt" && ln -s "$1" "$0/opt/opensandbox"', root, agent]);
    const { stdout, status } = spawnSync(emulator, ['-L', root, join(agent, 'execd'), '--version'], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^execd \d/) as unknown });
  });
});
