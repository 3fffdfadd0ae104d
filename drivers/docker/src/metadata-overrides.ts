import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxId } from '@opensandbox/core/ports';
import { z } from 'zod';
import type { Complaints } from './complaints.ts';
import type { Labels } from './labels.ts';

const overrideFile = z.record(z.string(), z.string());

/**
 * Metadata that another server keeps beside the engine, as `<id>.json`, because labels cannot change. Where the
 * file exists it is the whole truth.
 */
export async function readMetadataOverride(
  directory: string | undefined,
  id: SandboxId,
  complaints: Complaints,
): Promise<Labels | undefined> {
  if (directory === undefined || !/^[\w.-]+$/.test(id)) return undefined;
  const text = await readFile(join(directory, `${id}.json`), 'utf8').catch(() => undefined); // having none is usual
  const about = { event: 'sandbox.metadata_file_unreadable', sandboxId: id };
  if (text === undefined) {
    complaints.settle(about);
    return undefined;
  }
  try {
    const metadata = overrideFile.parse(JSON.parse(text));
    complaints.settle(about);
    return metadata;
  } catch (error) {
    complaints.warn({ ...about, text: error instanceof Error ? error.message : '' }, { error });
    return undefined;
  }
}
