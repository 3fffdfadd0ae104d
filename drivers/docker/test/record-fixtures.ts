/* Records inspect answers of this machine's engine into src/fixtures: `npx tsx drivers/docker/test/record-fixtures.ts` */
import { request } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { dockerCli, IMAGE, lines, SOCKET } from './docker-harness.ts';

const docker = dockerCli(SOCKET);
const LABELS = {
  'opensandbox.io/id': '4f3c2a10-5b1e-4c7d-9a55-0d8e6f1b2c3d',
  'opensandbox.io/expires-at': '2031-04-05T06:07:08.123000+00:00',
  'opensandbox.io/access-renew-extend-seconds': '600',
  'opensandbox.io/image': 'python:3.11',
  'opensandbox.io/instance': 'fixtures',
  team: 'infra',
  'org.opencontainers.image.title': 'not metadata',
};

function get(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { socketPath: SOCKET, path },
      (response) => void text(response).then(resolve, reject),
    );
    asking.once('error', reject);
    asking.end();
  });
}

async function record(name: string, id: string): Promise<void> {
  const version = await docker('version', '--format', '{{.Server.Version}}');
  const short = version.split('.').slice(0, 2).join('.');
  const inspect: unknown = JSON.parse(await get(`/v1.41/containers/${id}/json`));
  const file = new URL(`../src/fixtures/docker-${short}-${name}.json`, import.meta.url);
  await writeFile(file, `${JSON.stringify(inspect, undefined, 2)}\n`);
  console.log(file.pathname);
}

const made: string[] = [];
async function make(
  verb: 'run' | 'create',
  extra: readonly string[],
  command: readonly string[],
): Promise<string> {
  const labels = Object.entries(LABELS).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  const detach = verb === 'run' ? ['-d'] : [];
  const printed = await docker(verb, ...detach, ...labels, ...extra, IMAGE, ...command);
  const id = lines(printed).at(-1) ?? '';
  made.push(id);
  return id;
}

const ports = ['-p', '127.0.0.1::44772', '-p', '127.0.0.1::8080', '-m', '64m', '--cpus', '0.5'];
const stay = ['sleep', '600'];
try {
  await record('created', await make('create', ports, stay));
  const running = await make('run', ports, stay);
  await record('running', running);
  await docker('pause', running);
  await record('paused', running);
  for (const code of [0, 3]) {
    const id = await make('run', ports, ['sh', '-c', `exit ${code}`]);
    await docker('wait', id);
    await record(`exited-${code}`, id);
  }
  const oom = await make('run', ['-m', '16m'], ['sh', '-c', 'dd if=/dev/zero of=/dev/null bs=512M count=1']);
  await docker('wait', oom);
  await record('oom', oom);
  await record('host-network', await make('run', ['--network', 'host'], stay));
  await record('every-address', await make('run', ['-p', '44772', '-p', '8080'], stay));
} finally {
  for (const id of made) await docker('rm', '-fv', id);
}
