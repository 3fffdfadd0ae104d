import type { SandboxId } from '@opensandbox/core/ports';
import { sandboxId } from '@opensandbox/core/ports';
import type { ContainerSummary } from '../../engine/answers.ts';
import type { Labels } from '../../labels.ts';
import { readLabel } from '../../labels.ts';
import { LABEL } from '../../names.ts';

/** Mount paths, and which sandboxes' containers say that they use them. */
export type HeldPaths = ReadonlyMap<string, ReadonlySet<SandboxId>>;

/** Every container counts, whatever its state and whichever server made it. */
export function readHeldPaths(containers: readonly ContainerSummary[]): HeldPaths {
  const held = new Map<string, Set<SandboxId>>();
  for (const { Labels: labels } of containers) {
    const id = readLabel(labels ?? {}, LABEL.id);
    if (id === undefined) continue;
    for (const path of readMountLabel(labels ?? {})) {
      const holders = held.get(path) ?? new Set();
      held.set(path, holders.add(sandboxId(id)));
    }
  }
  return held;
}

export function formatMountLabel(paths: readonly string[]): Labels {
  return { [LABEL.ossfsMounts]: JSON.stringify(paths) };
}

function readMountLabel(labels: Labels): readonly string[] {
  const text = readLabel(labels, LABEL.ossfsMounts);
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter((path) => typeof path === 'string') : [];
  } catch {
    return []; // a stranger's text under our label holds nothing
  }
}
