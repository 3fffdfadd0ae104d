import { lstat, mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { agentFault, emptyResponse } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import { jsonFields } from '../json-fields.ts';
import type { FileContext, FileHandler } from './file-context.ts';
import { BODY_PREFIX, elementsOf } from './requests.ts';
import { accessFault, failedWith, runtimeFault } from './system-errors.ts';

interface Move {
  readonly src: string;
  readonly dest: string;
}

/** In order, without going back when one fails. Never over something that exists, never into a directory. */
export const moveFiles: FileHandler = async (context, request) => {
  const moves = elementsOf(await readJsonBody(request)).map(parseMove);
  for (const move of moves) await moveFile(move, context);
  return emptyResponse();
};

function parseMove(value: unknown): Move {
  const fields = jsonFields(value, BODY_PREFIX);
  return { src: fields.text('src') ?? '', dest: fields.text('dest') ?? '' };
}

async function moveFile(move: Move, context: FileContext): Promise<void> {
  // An empty path would mean the directory that the agent itself stands in.
  if (move.src === '' || move.dest === '') {
    throw agentFault('invalid', 'INVALID_REQUEST_BODY', 'src and dest must not be empty');
  }
  const src = await context.resolve(move.src);
  const dest = await context.resolve(move.dest);
  await lstat(src).catch((error: unknown) => {
    throw accessFault(error);
  });
  try {
    if (await isTaken(dest)) {
      throw agentFault('internal', 'RUNTIME_ERROR', `destination path already exists: ${dest}`);
    }
    await mkdir(dirname(dest), { recursive: true, mode: 0o755 });
    await rename(src, dest);
  } catch (error) {
    throw runtimeFault(`error moving ${move.src} to ${move.dest}. `, error);
  }
}

async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false;
    throw error;
  }
}
