import { emptyResponse } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import type { FileHandler } from './file-context.ts';
import { applyPermission, parsePermission } from './permission.ts';
import type { Permission } from './permission.ts';
import { BODY_PREFIX, entriesOf } from './requests.ts';
import { runtimeFault } from './system-errors.ts';

/** In order, without going back when one fails. */
export const setPermissions: FileHandler = async (context, request) => {
  const wanted = parsePermissions(await readJsonBody(request));
  const accounts = await context.loadAccounts();
  for (const [asked, permission] of wanted) {
    const path = await context.resolve(asked);
    try {
      await applyPermission(path, permission, accounts);
    } catch (error) {
      throw runtimeFault(`error changing permissions for ${asked}. `, error);
    }
  }
  return emptyResponse();
};

export function parsePermissions(value: unknown): (readonly [string, Permission])[] {
  return entriesOf(value).map(
    ([path, permission]) => [path, parsePermission(permission, BODY_PREFIX)] as const,
  );
}
