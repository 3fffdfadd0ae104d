import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = '/usr/sbin/mariadbd';
const TABLES = ['mysql_system_tables.sql', 'mysql_system_tables_data.sql'];

/** Why tests with a real database cannot run here; undefined when they can. */
export function whyNoDatabase(): string | undefined {
  return existsSync(PROGRAM) ? undefined : 'no mariadbd: Debian has it in mariadb-server-core';
}

export interface MysqlServer extends AsyncDisposable {
  readonly address: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A real database on loopback whose root has no password. It is prepared, but not started. */
export function prepareMysql(port: number): MysqlServer {
  const directory = mkdtempSync(join(tmpdir(), 'execd-mysql-'));
  const data = join(directory, 'data');
  const options = ['--no-defaults', '--user=root', `--datadir=${data}`, '--innodb-log-file-size=4M'];
  mkdirSync(data);
  // Debian lets root in by its socket alone; the account with an empty password is asked for here.
  const tables = TABLES.map((name) => readFileSync(join('/usr/share/mysql', name), 'utf8')).join('\n');
  const input = `create database mysql;\nuse mysql;\n${tables.replaceAll('@auth_root_socket', 'NULL')}`;
  execFileSync(PROGRAM, [...options, '--bootstrap'], { input, stdio: ['pipe', 'pipe', 'pipe'] });
  let child: ChildProcess | undefined;

  const stop = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGTERM');
    await ended;
  };
  return {
    address: `127.0.0.1:${port}`,
    async start() {
      const place = [`--port=${port}`, '--bind-address=127.0.0.1', `--socket=${join(directory, 'socket')}`];
      const started = spawn(PROGRAM, [...options, ...place], { stdio: ['ignore', 'ignore', 'pipe'] });
      child = started;
      let said = '';
      await new Promise<void>((resolve, reject) => {
        started.once('exit', () => reject(new Error(`the database ended: ${said}`)));
        started.stderr.on('data', (bytes: Buffer) => {
          said += bytes.toString();
          if (said.includes('ready for connections')) resolve();
        });
      });
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
