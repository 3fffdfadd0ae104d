import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A network namespace of a test's own, with nothing in it but its loopback. */
export interface NetworkNamespace extends AsyncDisposable {
  /** Runs what follows inside, and becomes it. */
  readonly through: readonly string[];
  /** Makes a loopback port inside reachable under the same number outside. */
  expose(port: number, directory: string): Promise<void>;
}

/** Runs inside: sockets in the file system are seen from every namespace. */
const INNER = `
  const { connect, createServer } = require('node:net');
  const [path, port] = process.argv.slice(1);
  createServer((outer) => {
    const inner = connect(Number(port), '127.0.0.1');
    inner.on('error', () => outer.destroy()).on('close', () => outer.destroy());
    outer.on('error', () => inner.destroy()).on('close', () => inner.destroy());
    outer.pipe(inner).pipe(outer);
  }).listen(path, () => process.stdout.write('ready'));
`;

export async function openNetworkNamespace(): Promise<NetworkNamespace> {
  const name = `opensandbox-${randomBytes(4).toString('hex')}`;
  await run('ip', ['netns', 'add', name]);
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  const through = ['nsenter', `--net=/run/netns/${name}`, '--'];
  const closing: (() => Promise<unknown>)[] = [() => run('ip', ['netns', 'del', name])];
  return {
    through,
    async expose(port, directory) {
      const path = join(directory, 'relay.sock');
      const inner = spawn(
        'nsenter',
        [...through.slice(1), process.execPath, '-e', INNER, path, String(port)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      closing.push(async () => {
        if (inner.exitCode !== null || inner.signalCode !== null) return;
        const ended = once(inner, 'exit');
        inner.kill();
        await ended;
      });
      const failed = once(inner, 'exit').then(() => Promise.reject(new Error('the relay has ended')));
      await Promise.race([once(inner.stdout, 'data'), failed]);
      failed.catch(() => undefined); // it ends with the namespace
      const sockets = new Set<Socket>();
      const outer = createServer((socket) => {
        const relayed = connect(path);
        for (const [one, other] of [
          [socket, relayed],
          [relayed, socket],
        ] as const) {
          sockets.add(one);
          one.on('error', () => other.destroy());
          one.on('close', () => {
            sockets.delete(one);
            other.destroy();
          });
          one.pipe(other);
        }
      }).listen(port, '127.0.0.1');
      await once(outer, 'listening');
      closing.push(async () => {
        for (const socket of sockets) socket.destroy();
        outer.close();
        await once(outer, 'close');
      });
    },
    async [Symbol.asyncDispose]() {
      for (const close of closing.splice(0).reverse()) await close();
    },
  };
}
