import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { Fault, abortable, sleep } from '@opensandbox/base';
import { configPath } from '../config/load.ts';
import type { Host } from './host.ts';
import { listenForStop } from './stop-signals.ts';

/** Editors write a file in several steps; a restart waits until it has been quiet for this long. */
const QUIET_MS = 200;

/**
 * For development: runs the server in a child and starts it again when the configuration or the program
 * changes. The supervisor itself opens nothing. Resolves with the exit code.
 */
export async function superviseReload(host: Host, config: string | undefined): Promise<number> {
  using stop = listenForStop(host.signals, host.exit, () => {
    return new Fault('cancelled', 'operation.cancelled', 'The server was stopped.');
  });
  const file = configPath({ ...host, configPath: config });
  const code = dirname(host.command.at(-1) ?? '.');
  const changes = watchPlaces([file, code]);
  try {
    for (;;) {
      const child = start(host);
      const ended = once(child, 'exit');
      await Promise.race([changes.next(), stop.stopped]);
      const exitCode = stop.exitCode();
      child.kill(exitCode === 0 ? 'SIGINT' : 'SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await ended;
      if (exitCode !== undefined) return exitCode;
      await abortable(sleep(host.clock, QUIET_MS, stop.signal), stop.signal);
      host.stderr.write('opensandbox-server: something changed, starting again\n');
    }
  } catch (error) {
    const exitCode = stop.exitCode();
    if (exitCode === undefined) throw error;
    return exitCode;
  } finally {
    changes[Symbol.dispose]();
  }
}

function start(host: Host): ChildProcess {
  const [program, ...before] = host.command;
  const args = host.args.filter((argument) => argument !== '--reload');
  return spawn(program, [...before, ...args], { stdio: 'inherit' });
}

function watchPlaces(places: readonly string[]): Disposable & { next(): Promise<void> } {
  let wake: () => void = () => undefined;
  const watchers = places
    .filter((place) => existsSync(place))
    .map((place) => watch(place, { recursive: place === places.at(-1) }, () => wake()));
  return {
    next: () => new Promise((resolve) => (wake = resolve)),
    [Symbol.dispose]() {
      for (const watcher of watchers) watcher.close();
    },
  };
}
