import { lstat } from 'node:fs/promises';
import { jsonResponse } from '../error-envelope.ts';
import type { FileHandler } from './file-context.ts';
import { formatFileInfo } from './file-info.ts';
import type { FileInfo } from './file-info.ts';
import { queryOf } from './requests.ts';
import { accessFault } from './system-errors.ts';

/** Keyed by each path as it was asked for. One path that cannot be read fails all. */
export const getInfo: FileHandler = async (context, request) => {
  const accounts = await context.loadAccounts();
  const infos: [string, FileInfo][] = [];
  for (const asked of queryOf(request).getAll('path')) {
    const path = await context.resolve(asked);
    try {
      infos.push([asked, formatFileInfo(path, await lstat(path, { bigint: true }), accounts)]);
    } catch (error) {
      throw accessFault(error);
    }
  }
  return jsonResponse(Object.fromEntries(infos));
};
