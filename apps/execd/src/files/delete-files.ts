import { lstat, stat, unlink } from 'node:fs/promises';
import { agentFault, emptyResponse } from '../error-envelope.ts';
import type { FileHandler } from './file-context.ts';
import { queryOf } from './requests.ts';
import { failedWith, runtimeFault } from './system-errors.ts';

/** In order, without going back when one fails. What is not there is deleted already. */
export const deleteFiles: FileHandler = async (context, request) => {
  for (const asked of queryOf(request).getAll('path')) {
    const path = await context.resolve(asked);
    try {
      await deleteFile(path);
    } catch (error) {
      throw runtimeFault(`error removing file ${asked}. `, error);
    }
  }
  return emptyResponse();
};

async function deleteFile(path: string): Promise<void> {
  if (await leadsToDirectory(path)) {
    throw agentFault('internal', 'RUNTIME_ERROR', `path is a directory: ${path}`);
  }
  await unlink(path).catch(ignoreAbsence);
}

/** Also when it is a symbolic link to one. A link that leads nowhere is a file like any other. */
async function leadsToDirectory(path: string): Promise<boolean> {
  const stats = await stat(path).catch(async (error: unknown) => {
    if (failedWith(error, 'ENOENT', 'ELOOP')) return lstat(path).catch(ignoreAbsence);
    throw error;
  });
  return stats?.isDirectory() === true;
}

function ignoreAbsence(error: unknown): undefined {
  if (!failedWith(error, 'ENOENT')) throw error;
  return undefined;
}
