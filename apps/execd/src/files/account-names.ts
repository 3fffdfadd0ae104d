import { readFile } from 'node:fs/promises';
import { parseGroup, parsePasswd } from '@opensandbox/process';

/** Names of users and groups, as the account files of the sandbox have them. */
export interface AccountNames {
  /** The first name of an id, or its digits. */
  userName(uid: number): string;
  groupName(gid: number): string;
  uidOf(name: string): number | undefined;
  gidOf(name: string): number | undefined;
}

/** Read anew for each request: user code adds accounts, and the files are small. */
export async function loadAccountNames(etc = '/etc'): Promise<AccountNames> {
  const [passwd, group] = await Promise.all([readOrEmpty(`${etc}/passwd`), readOrEmpty(`${etc}/group`)]);
  return accountNames(passwd, group);
}

export function accountNames(passwd: string, group: string): AccountNames {
  const users = indexNames(parsePasswd(passwd).map(({ name, uid }) => [name, uid]));
  const groups = indexNames(parseGroup(group).map(({ name, gid }) => [name, gid]));
  return {
    userName: (uid) => users.names.get(uid) ?? String(uid),
    groupName: (gid) => groups.names.get(gid) ?? String(gid),
    uidOf: (name) => users.ids.get(name),
    gidOf: (name) => groups.ids.get(name),
  };
}

interface NameIndex {
  readonly names: ReadonlyMap<number, string>;
  readonly ids: ReadonlyMap<string, number>;
}

/** The first entry of a name or an id wins. */
function indexNames(entries: readonly (readonly [string, number])[]): NameIndex {
  const last = entries.toReversed();
  return { names: new Map(last.map(([name, id]) => [id, name])), ids: new Map(last) };
}

async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => ''); // images without account files have ids only
}
