import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { agentFault } from '../../error-envelope.ts';
import { failedWith } from '../../files/system-errors.ts';
import type { PathResolver } from '../../files/index.ts';
import { isWithin } from './mount-table.ts';
import type { SessionSpec } from './session-spec.ts';

/**
 * Paths of the workspace, of what else the session was given, and of its /tmp. What links lead to counts. The
 * namespaces keep the rest out of reach in any case; this keeps clients from asking for it.
 */
export function confinedResolver(spec: Pick<SessionSpec, 'workspace' | 'binds'>): PathResolver {
  const roots = [spec.workspace.path, '/tmp', ...spec.binds.map((bind) => bind.dest)];
  const check = (path: string): void => {
    if (roots.some((root) => isWithin(path, root))) return;
    throw agentFault(
      'invalid',
      'INVALID_REQUEST_BODY',
      `path is outside of the session's workspace: ${path}`,
    );
  };
  return async (asked) => {
    if (asked.includes('\0')) {
      throw agentFault('invalid', 'INVALID_REQUEST_BODY', 'a path cannot contain a NUL character');
    }
    const path = resolve(spec.workspace.path, asked);
    check(path);
    // The last name may be a link that is itself what is meant: to remove it, or to look at it.
    if (!roots.includes(path)) check(await nearestReal(dirname(path)));
    const real = await realpath(path).catch(() => undefined); // not there, or a link that leads nowhere
    if (real !== undefined) check(real);
    return path;
  };
}

/** Of the directories that lead to a path, the last that exists, without links. */
async function nearestReal(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'ENOTDIR') || path === '/') throw error;
    return nearestReal(dirname(path));
  }
}
