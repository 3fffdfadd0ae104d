import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export const USER = 'tester';
export const PASSWORD = 'correct-horse';
/** bcrypt of the password above. */
const HTPASSWD = `${USER}:$2y$05$abcdefghijklmnopqrstuuZ0Fx87Pb/Aqb0E90lfvCwzXnaFKUHpS`;
export const HAS_REGISTRY = existsSync('/usr/bin/docker-registry');

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** A Docker CLI configuration that is logged in. */
  readonly cliConfig: string;
}

export interface RegistryOptions {
  /** A command that enters a network namespace; the registry is then on the loopback in there. */
  readonly through?: readonly string[];
}

/** A real registry on the loopback that wants a password for everything. */
export async function startRegistry(directory: string, options: RegistryOptions = {}): Promise<Registry> {
  const { through = [] } = options;
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const passwords = join(directory, 'htpasswd');
  await writeFile(passwords, `${HTPASSWD}\n`);
  const config = join(directory, 'registry.yml');
  const storage = join(directory, 'images');
  await writeFile(
    config,
    `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${storage} } }
http: { addr: "${host}" }
auth: { htpasswd: { realm: test, path: ${passwords} } }
`,
  );
  const command = [...through, 'docker-registry', 'serve', config];
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  // Somebody outside of its namespace cannot ask it; an engine in there will.
  for (let attempt = 0; through.length === 0 && !(await answers(host)); attempt += 1) {
    if (attempt > 400) throw new Error('the registry does not answer');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const cliConfig = join(directory, 'cli');
  await mkdir(cliConfig);
  const auth = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
  await writeFile(join(cliConfig, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  return {
    host,
    cliConfig,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

async function answers(host: string): Promise<boolean> {
  const response = await fetch(`http://${host}/v2/`).catch(() => undefined);
  return response?.status === 401;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
