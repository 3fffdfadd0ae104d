import { readdir, readFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Thing, ThingKind, Things } from './thing.ts';

interface Place {
  readonly path: string;
  /** Which of its entries are ours, where others write too. */
  readonly only?: RegExp;
  readonly recursive?: boolean;
}

const OURS = /opensandbox|execd/i;
/** In places where every program of the machine writes: what this project and its tests call what they make there. */
const TEMPORARY =
  /opensandbox|execd|docker|runc|podman|libpod|netns|sshd|^(sessions-inside|process-test|pipe-test|journal-test|agent-log|engine-gate)-/i;

/** Where this project writes when nobody tells it otherwise, and where its tests do. */
const PLACES: readonly Place[] = [
  ...[...new Set(['/tmp', tmpdir()])].map((path) => ({ path, only: TEMPORARY })),
  { path: '/run', only: TEMPORARY },
  { path: '/run/opensandbox', recursive: true },
  { path: '/var/tmp', only: TEMPORARY },
  { path: '/dev/shm', only: TEMPORARY },
  { path: '/mnt' },
  { path: '/var/lib', only: OURS },
  { path: '/var/log', only: OURS },
  { path: '/var/cache', only: OURS },
  { path: join(homedir(), '.opensandbox'), recursive: true },
];

/** What the machine itself holds: mounts, files, namespaces, links, control groups. */
export async function readHost(): Promise<Things> {
  const [mounts, files, namespaces, links, groups] = await Promise.all([
    readMounts(),
    Promise.all(PLACES.map(readPlace)),
    entries('/run/netns', 'network namespace'),
    entries('/sys/class/net', 'network link'),
    readControlGroups(),
  ]);
  return [...mounts, ...files.flat(), ...namespaces, ...links, ...groups];
}

/** By the mount's own number too: what is mounted twice at one place counts twice. */
async function readMounts(): Promise<Things> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return table
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Thing => {
      const [id = '', , , root = '', path = ''] = line.split(' ');
      const [type = ''] = line.split(' - ')[1]?.split(' ') ?? [];
      return { kind: 'mount', key: `${id} ${path}`, name: `${path} (${type}, of ${root})` };
    });
}

async function readPlace({ path, only = /(?:)/, recursive = false }: Place): Promise<Things> {
  const found = await readdir(path, { recursive }).catch(() => []);
  return found
    .filter((name) => only.test(name))
    .map((name): Thing => ({ kind: 'file', key: join(path, name), name: join(path, name) }));
}

async function entries(path: string, kind: ThingKind): Promise<Things> {
  const found = await readdir(path).catch(() => []);
  return found.map((name): Thing => ({ kind, key: name, name }));
}

/** The groups of sandboxes lie below their engine's; those at the top that carry our name are a test engine's own. */
async function readControlGroups(): Promise<Things> {
  const root = '/sys/fs/cgroup';
  const controllers = await readdir(root).catch(() => []);
  const found = await Promise.all(
    ['', ...controllers].map((name) => readPlace({ path: join(root, name), only: OURS })),
  );
  return found.flat().map((thing) => ({ ...thing, kind: 'control group' }));
}
