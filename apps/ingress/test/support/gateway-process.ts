import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const GATEWAY = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
export const SERVER = fileURLToPath(new URL('../../../server/src/main.ts', import.meta.url));

/** A directory of its own for one test. */
export class TestFiles implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'opensandbox-ingress-'));

  write(name: string, text: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A program of this repository as a child process, with nothing of this process's environment but PATH. */
export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  output = '';
  #changed: () => void = () => undefined;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, main = GATEWAY) {
    this.child = spawn(process.execPath, ['--import', 'tsx', main, ...args], {
      env: { PATH: process.env['PATH'], HOME: tmpdir(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#changed();
      });
    }
    this.child.once('close', () => this.#changed());
  }

  /** Waits until what was printed matches; fails with all of it when the process ends first. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      if (this.child.exitCode !== null) throw new Error(`ended without ${String(pattern)}:\n${this.output}`);
      await new Promise<void>((resolve) => (this.#changed = resolve));
    }
  }

  /** Resolves with the exit code, or with the name of the signal that killed it. */
  async ended(): Promise<number | string> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close');
    return this.child.exitCode ?? this.child.signalCode ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended();
  }
}

/** Runs the gateway's command line to its end. */
export async function runGateway(
  ...args: readonly string[]
): Promise<{ readonly code: number | string; readonly output: string }> {
  await using program = new Program(args);
  const code = await program.ended();
  return { code, output: program.output };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
