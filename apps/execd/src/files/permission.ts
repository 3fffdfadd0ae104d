import { chmod, chown } from 'node:fs/promises';
import type { AccountNames } from './account-names.ts';
import { jsonFields } from '../json-fields.ts';

export interface Permission {
  /** Octal digits read as a decimal number: 755 is 0o755. Zero leaves the mode alone. */
  readonly mode: number;
  /** Names. Empty leaves the owner, or the group, alone. */
  readonly owner: string;
  readonly group: string;
}

/** `prefix` opens the message of a refusal. */
export function parsePermission(value: unknown, prefix: string): Permission {
  const fields = jsonFields(value, prefix);
  return {
    mode: fields.integer('mode', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0,
    owner: fields.text('owner') ?? '',
    group: fields.text('group') ?? '',
  };
}

/**
 * Applies what is asked for, following symbolic links; looks at nothing when nothing is asked for. Changes
 * nothing when the mode or a name is not known.
 */
export async function applyPermission(
  path: string,
  permission: Permission,
  accounts: AccountNames,
): Promise<void> {
  const bits = permission.mode === 0 ? undefined : modeBits(permission.mode);
  const uid = idOf('user', permission.owner, (name) => accounts.uidOf(name));
  const gid = idOf('group', permission.group, (name) => accounts.gidOf(name));
  if (bits !== undefined) await chmod(path, bits);
  if (uid !== UNCHANGED || gid !== UNCHANGED) await chown(path, uid, gid);
}

/** Permission bits only: set-user-id and its like are not given through this door. */
export function modeBits(digits: number): number {
  const text = String(digits);
  if (!/^[0-7]+$/.test(text)) throw new Error(`invalid mode ${text}: it is written in octal digits`);
  return Number.parseInt(text, 8) & 0o777;
}

/** What chown takes for "leave it". */
const UNCHANGED = -1;

function idOf(kind: string, name: string, find: (name: string) => number | undefined): number {
  if (name === '') return UNCHANGED;
  const id = find(name);
  if (id === undefined) throw new Error(`unknown ${kind} ${name}`);
  return id;
}
