import { lstat, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { FileHandler } from './file-context.ts';
import { compileGlob } from './glob.ts';
import type { GlobMatcher } from './glob.ts';
import { InfoCollector } from './info-collector.ts';
import { infosResponse } from './infos-response.ts';
import type { Entry } from './read-entries.ts';
import { queryOf, requiredPath } from './requests.ts';
import { accessFault, messageOf, runtimeFault } from './system-errors.ts';
import { takeTurns } from './turns.ts';
import { walk } from './walk.ts';

/**
 * Everything below a root, but for directories, whose name matches a pattern; a pattern with a slash is also
 * tried on the path below the root, where alone it can match.
 * A root that is no directory, or a symbolic link to one, is itself the only candidate.
 */
export const searchFiles: FileHandler = async (context, request) => {
  const query = queryOf(request);
  const asked = requiredPath(query);
  const pattern = query.get('pattern') ?? '';
  const hasSlash = pattern.includes('/');
  const root = await context.resolve(asked);
  const rootIsDirectory = await isSearchable(root, asked.endsWith('/'));
  const matches = lazyMatcher(pattern === '' ? '**' : pattern);
  const infos = new InfoCollector(await context.loadAccounts());
  const inside = root === '/' ? 1 : root.length + 1;
  try {
    if (!rootIsDirectory) {
      const entry: Entry = { name: basename(root), path: root, isDirectory: false, address: root };
      if (matches(entry.name)) await infos.add(entry);
    } else {
      for await (const entry of walk(root, Infinity, takeTurns(context.clock, request.signal))) {
        if (entry.isDirectory) continue;
        if (matches(entry.name) || (hasSlash && matches(entry.path.slice(inside)))) await infos.add(entry);
      }
    }
    return infosResponse(await infos.finish());
  } catch (error) {
    throw runtimeFault('error searching files. ', error);
  }
};

/** A link to a directory is entered only when the path says so with a slash at its end. */
async function isSearchable(root: string, followsLink: boolean): Promise<boolean> {
  try {
    return (await (followsLink ? stat(root) : lstat(root))).isDirectory();
  } catch (error) {
    throw accessFault(error);
  }
}

/** A pattern that is not well formed is an error only once there is something to match. */
function lazyMatcher(pattern: string): GlobMatcher {
  let compiled: GlobMatcher | undefined;
  return (path) => {
    try {
      compiled ??= compileGlob(pattern);
    } catch (error) {
      throw new Error(`invalid pattern ${JSON.stringify(pattern)}: ${messageOf(error)}`, { cause: error });
    }
    return compiled(path);
  };
}
