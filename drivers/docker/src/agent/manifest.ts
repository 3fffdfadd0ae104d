import { z } from 'zod';
import type { LayoutEntry } from './layout.ts';

/** Present once everything else is: it is written last, and says how large everything else is. */
export const MARKER = '.opensandbox-complete';

/** Sizes in bytes of all files of a volume, by their path. */
export type Manifest = ReadonlyMap<string, number>;

const schema = z.object({ files: z.record(z.string(), z.int().nonnegative()) });

export function manifestOf(entries: readonly LayoutEntry[]): Manifest {
  return new Map(entries.flatMap((entry) => (entry.kind === 'file' ? [[entry.path, entry.size]] : [])));
}

export function formatManifest(manifest: Manifest): Buffer {
  return Buffer.from(`${JSON.stringify({ files: Object.fromEntries(manifest) })}\n`);
}

/** `undefined` for a text that names no file at all: cut short, or not written by this driver. */
export function parseManifest(text: string): Manifest | undefined {
  const parsed = schema.safeParse(parseJson(text));
  const files = parsed.success ? Object.entries(parsed.data.files) : [];
  return files.length === 0 ? undefined : new Map(files);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // cut short: no manifest
  }
}
