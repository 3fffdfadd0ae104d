import { rm } from 'node:fs/promises';
import { agentFault, emptyResponse } from '../error-envelope.ts';
import type { FileHandler } from './file-context.ts';
import { queryOf } from './requests.ts';
import { runtimeFault } from './system-errors.ts';

/** With everything in them, plain files too; of a symbolic link only the link. What is absent is removed already. */
export const removeDirectories: FileHandler = async (context, request) => {
  for (const asked of queryOf(request).getAll('path')) {
    if (asked === '') continue;
    const path = await context.resolve(asked);
    const prefix = `error removing directory ${asked}. `;
    if (endsInDot(asked) || path === '/') {
      throw agentFault('internal', 'RUNTIME_ERROR', `${prefix}this directory cannot be removed`);
    }
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      throw runtimeFault(prefix, error);
    }
  }
  return emptyResponse();
};

/** `.` names the place one stands in, not an entry that could be taken out of its parent. */
function endsInDot(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}
