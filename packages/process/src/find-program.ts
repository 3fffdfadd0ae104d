import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';

/** The first executable file of that name on a search path, as a shell would find it. */
export function findProgram(name: string, searchPath: string): string | undefined {
  for (const directory of searchPath.split(':')) {
    if (!directory.startsWith('/')) continue; // never from the directory a command happens to run in
    const path = join(directory, name);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
