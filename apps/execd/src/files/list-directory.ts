import { lstat } from 'node:fs/promises';
import { agentFault } from '../error-envelope.ts';
import type { FileHandler } from './file-context.ts';
import { InfoCollector } from './info-collector.ts';
import { infosResponse } from './infos-response.ts';
import { integerQuery, queryOf, requiredPath } from './requests.ts';
import { accessFault, runtimeFault } from './system-errors.ts';
import { takeTurns } from './turns.ts';
import { walk } from './walk.ts';

/** Children follow their directory; symbolic links are shown, not followed; the root itself is not in it. */
export const listDirectory: FileHandler = async (context, request) => {
  const query = queryOf(request);
  const asked = requiredPath(query);
  const depth = integerQuery(query, 'depth', 0) ?? 1;
  const root = await context.resolve(asked);
  await checkDirectory(root);
  const infos = new InfoCollector(await context.loadAccounts());
  try {
    const turns = takeTurns(context.clock, request.signal);
    for await (const entry of walk(root, depth, turns)) await infos.add(entry);
    return infosResponse(await infos.finish());
  } catch (error) {
    throw runtimeFault('error listing directory. ', error);
  }
};

async function checkDirectory(root: string): Promise<void> {
  const stats = await lstat(root).catch((error: unknown) => {
    throw accessFault(error);
  });
  if (stats.isDirectory()) return;
  const what = stats.isSymbolicLink() ? 'is a symbolic link' : 'is not a directory';
  throw agentFault('invalid', 'INVALID_REQUEST_BODY', `path ${what}: ${root}`);
}
