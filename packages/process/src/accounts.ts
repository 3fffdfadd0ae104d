/** One line of /etc/passwd. */
export interface UserAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** One line of /etc/group. */
export interface GroupAccount {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** What a process runs as: user, primary group and every supplementary group. */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

export interface Accounts {
  readonly users: readonly UserAccount[];
  readonly groups: readonly GroupAccount[];
}

/** Reads the text of /etc/passwd. Broken and commented lines are skipped, as the C library does. */
export function parsePasswd(text: string): UserAccount[] {
  const users: UserAccount[] = [];
  for (const line of text.split('\n')) {
    const [name, , uid, gid, , home = ''] = line.split(':');
    const user = { name: name ?? '', uid: parseId(uid), gid: parseId(gid), home };
    if (isName(user.name) && user.uid >= 0 && user.gid >= 0) users.push(user);
  }
  return users;
}

/** Reads the text of /etc/group. */
export function parseGroup(text: string): GroupAccount[] {
  const groups: GroupAccount[] = [];
  for (const line of text.split('\n')) {
    const [name, , gid, members = ''] = line.split(':');
    const group = { name: name ?? '', gid: parseId(gid) };
    if (!isName(group.name) || group.gid < 0) continue;
    groups.push({ ...group, members: members.split(',').filter((member) => member !== '') });
  }
  return groups;
}

/**
 * The credentials for a user id: primary and supplementary groups come from the account files, an explicit
 * `gid` replaces the primary one. An id without an account never falls back to group 0: its group is its
 * own number and it belongs to no other.
 */
export function credentialsFor(
  wanted: { readonly uid: number; readonly gid: number | undefined },
  accounts: Accounts,
): Credentials {
  const user = accounts.users.find((candidate) => candidate.uid === wanted.uid);
  const gid = wanted.gid ?? user?.gid ?? wanted.uid;
  if (user === undefined) return { uid: wanted.uid, gid, groups: [gid] };
  const named = accounts.groups.filter((group) => group.members.includes(user.name));
  return { uid: wanted.uid, gid, groups: [...new Set([gid, ...named.map((group) => group.gid)])] };
}

function isName(name: string): boolean {
  return name !== '' && !name.startsWith('#');
}

function parseId(text: string | undefined): number {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : -1;
}
