import { checkPatch } from '../limits.ts';
import type { Sandbox, SandboxId } from '../sandbox.ts';
import type { Context } from './context.ts';
import { requireRecord, view } from './context.ts';

export type MetadataPatch = Readonly<Record<string, string | undefined>>;

/** The record holds the whole effective map, so a key that was deleted stays deleted. */
export async function patchMetadata(context: Context, id: SandboxId, patch: MetadataPatch): Promise<Sandbox> {
  requireRecord(context, id);
  checkPatch(patch);
  const patched = await context.store.update(id, (current) => {
    const metadata = merge(current.metadata, patch);
    return isSame(current.metadata, metadata) ? current : { ...current, metadata };
  });
  return view(context, patched);
}

function merge(
  current: Readonly<Record<string, string>>,
  patch: MetadataPatch,
): Readonly<Record<string, string>> {
  const merged = new Map(Object.entries(current));
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) merged.delete(key);
    else merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

function isSame(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
  );
}
