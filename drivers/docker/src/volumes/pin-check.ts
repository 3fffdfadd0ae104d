import { readFile, stat } from 'node:fs/promises';
import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { FileIdentity } from './backend.ts';
import { errnoOf } from './host-errors.ts';

/** Rejects when a started container has not mounted what it should have. Says nothing when nothing can be seen. */
export async function checkMounted(pid: number, expected: readonly FileIdentity[]): Promise<void> {
  if (expected.length === 0 || pid <= 0) return;
  const found = await mountedIn(pid);
  if (found === undefined) return;
  const absent = findAbsent(expected, found);
  if (absent === undefined) return;
  if (absent.otherwise !== undefined) throw absent.otherwise;
  throw new Fault(
    'invalid',
    'volume.host_path_not_allowed' satisfies FaultCode,
    'A host path was exchanged while the sandbox started. The sandbox was removed.',
  );
}

/**
 * What is expected and not among `found`, where each mount is one volume's: whoever asks for the same place twice must
 * not get something else for one of them.
 */
export function findAbsent(
  expected: readonly FileIdentity[],
  found: readonly string[],
): FileIdentity | undefined {
  const left = [...found];
  return expected.find(({ dev, ino }) => {
    const at = left.indexOf(`${dev}:${ino}`);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

/** Mount points in `mountinfo` are free of symbolic links, so they can be followed from outside. */
async function mountedIn(pid: number): Promise<readonly string[] | undefined> {
  try {
    const lines = (await readFile(`/proc/${pid}/mountinfo`, 'utf8'))
      .split('\n')
      .filter((line) => line !== '');
    const points = lines.map((line) => unescapeOctal(line.split(' ')[4] ?? '/'));
    const identify = async (point: string): Promise<string> => {
      const at = await stat(`/proc/${pid}/root${point}`, { bigint: true });
      return `${at.dev}:${at.ino}`;
    };
    await identify('/');
    // A mount may hide another one.
    const found = await Promise.allSettled(points.map(identify));
    return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined; // another pid namespace, not enough rights, or it has ended: it cannot be seen from here
  }
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
