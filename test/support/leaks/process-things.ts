import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Thing, Things } from './thing.ts';

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Two processes of one number never began at one moment. */
  readonly began: string;
}

/** Whose processes are looked for. */
export interface Family {
  /** The process whose descendants count. */
  readonly root: number;
  /** A variable of the environment, `NAME=value`, that tells members which lost their parents. */
  readonly mark: string;
}

/** The processes of a family, and what they and the root listen at. */
export async function readProcesses(family: Family): Promise<Things> {
  const all = await listProcesses();
  const members: Process[] = [];
  for (const each of all) if (await belongs(each, family, all)) members.push(each);
  const own = members.filter(({ pid }) => pid !== family.root);
  const described = await Promise.all(own.map(describe));
  const sockets = await Promise.all(members.map(({ pid }) => readListening(pid)));
  return [...described.flat(), ...sockets.flat()];
}

async function listProcesses(): Promise<readonly Process[]> {
  const names = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    names.map(async (name): Promise<Process | undefined> => {
      const stat = await readOr(`/proc/${name}/stat`);
      // The command may hold blanks and brackets: what follows its last bracket is fixed.
      const [state, parent = '0', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const hasEnded = stat === '' || state === 'Z' || state === 'X';
      return hasEnded ? undefined : { pid: Number(name), parent: Number(parent), began: rest[17] ?? '' };
    }),
  );
  return found.filter((each) => each !== undefined);
}

async function belongs({ pid }: Process, { root, mark }: Family, all: readonly Process[]): Promise<boolean> {
  const parents = new Map(all.map((each) => [each.pid, each.parent]));
  for (let at: number | undefined = pid; at !== undefined; at = parents.get(at)) {
    if (at === root) return true;
  }
  return (await readOr(`/proc/${pid}/environ`)).split('\0').includes(mark);
}

async function describe({ pid, began }: Process): Promise<Things> {
  const command = (await readOr(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ').trim();
  const name = `${pid} ${command.slice(0, 200)}`;
  // Without a command it has just ended.
  return command === '' ? [] : [{ kind: 'process', key: `${pid} ${began}`, name }];
}

const TCP_LISTEN = '0A';
const UNIX_ACCEPTS = 0x10000;

async function readListening(pid: number): Promise<Things> {
  const held = await heldSockets(pid);
  if (held.size === 0) return [];
  const tables = ['tcp', 'tcp6', 'unix'] as const;
  const found = await Promise.all(
    tables.map(async (table) => {
      const rows = (await readOr(`/proc/${pid}/net/${table}`)).split('\n').slice(1);
      return rows.map((row) => row.trim().split(/\s+/)).flatMap((row) => listening(table, row));
    }),
  );
  return found
    .flat()
    .filter(({ inode }) => held.has(inode))
    .map(({ inode, address }): Thing => ({
      kind: 'listening socket',
      key: inode,
      name: `${address} of process ${pid}`,
    }));
}

function listening(table: string, row: readonly string[]): { inode: string; address: string }[] {
  if (table === 'unix') {
    const [, , , flags = '0', , , inode = '', path = ''] = row;
    return Number.parseInt(flags, 16) & UNIX_ACCEPTS ? [{ inode, address: `unix ${path}` }] : [];
  }
  const port = Number.parseInt(row[1]?.split(':')[1] ?? '0', 16);
  return row[3] === TCP_LISTEN ? [{ inode: row[9] ?? '', address: `${table} port ${port}` }] : [];
}

async function heldSockets(pid: number): Promise<ReadonlySet<string>> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')));
  return new Set(targets.map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? ''));
}

/** A process may end between two reads. */
function readOr(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
