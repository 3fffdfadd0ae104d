import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxId } from '@opensandbox/core/ports';
import type { Logger } from '@opensandbox/base';
import { z } from 'zod';
import type { Labels } from './labels.ts';

const overrideFile = z.record(z.string(), z.string());

/**
 * Metadata that another server keeps beside the engine, as `<id>.json`, because labels cannot change. Where the
 * file exists it is the whole truth.
 */
export async function readMetadataOverride(
  directory: string | undefined,
  id: SandboxId,
  log: Logger,
): Promise<Labels | undefined> {
  if (directory === undefined || !/^[\w.-]+$/.test(id)) return undefined;
  const text = await readFile(join(directory, `${id}.json`), 'utf8').catch(() => undefined); // having none is usual
  if (text === undefined) return undefined;
  try {
    return overrideFile.parse(JSON.parse(text));
  } catch (error) {
    log.warn('sandbox.metadata_file_unreadable', { sandboxId: id, error });
    return undefined;
  }
}
