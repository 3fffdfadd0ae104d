import { mkdir, stat } from 'node:fs/promises';
import { emptyResponse } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import type { AccountNames } from './account-names.ts';
import type { FileHandler } from './file-context.ts';
import { applyPermission } from './permission.ts';
import type { Permission } from './permission.ts';
import { parsePermissions } from './set-permissions.ts';
import { failedWith, runtimeFault } from './system-errors.ts';

/** With missing parents. A directory that exists is left exactly as it is. */
export const makeDirectories: FileHandler = async (context, request) => {
  const wanted = parsePermissions(await readJsonBody(request));
  const accounts = await context.loadAccounts();
  for (const [asked, permission] of wanted) {
    const path = await context.resolve(asked);
    try {
      await makeDirectory(path, permission, accounts);
    } catch (error) {
      throw runtimeFault(`error creating directory ${asked}. `, error);
    }
  }
  return emptyResponse();
};

async function makeDirectory(path: string, permission: Permission, accounts: AccountNames): Promise<void> {
  const existed = await isDirectory(path);
  await mkdir(path, { recursive: true });
  if (!existed) await applyPermission(path, permission, accounts);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return false; // mkdir says what is in the way
    throw error;
  }
}
