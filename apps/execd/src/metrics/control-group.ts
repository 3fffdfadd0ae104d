import type { ControlGroupTexts } from './read-metrics.ts';

const ROOT = '/sys/fs/cgroup';

type ReadText = (path: string) => string | undefined;

/**
 * What limits this process: its own control group and those above it, of either version, as far as they can be seen.
 * In most containers the own group is all there is, and its directory is the root.
 */
export function readControlGroup(readText: ReadText): ControlGroupTexts {
  const groups = parseOwnGroups(readText('/proc/self/cgroup') ?? '');
  const unified = levelsOf(ROOT, groups.get(''));
  const memory = levelsOf(`${ROOT}/memory`, groups.get('memory'));
  const cpu = ['cpu', 'cpu,cpuacct'].flatMap((name) => levelsOf(`${ROOT}/${name}`, groups.get('cpu')));
  return {
    ...tightestMemory([
      ...unified.map((level) => () => ({
        memoryLimit: readText(`${level}/memory.max`),
        memoryUsage: readText(`${level}/memory.current`),
        memoryStat: readText(`${level}/memory.stat`),
      })),
      ...memory.map((level) => () => ({
        memoryLimit: readText(`${level}/memory.limit_in_bytes`),
        memoryUsage: readText(`${level}/memory.usage_in_bytes`),
        memoryStat: readText(`${level}/memory.stat`),
      })),
    ]),
    cpuMax: tightestQuota([
      ...unified.map((level) => readText(`${level}/cpu.max`)),
      ...cpu.map((level) => quotaOfVersion1(readText, level)),
    ]),
  };
}

/** Controller to path, from /proc/self/cgroup; the unified hierarchy of version 2 has no name. */
export function parseOwnGroups(text: string): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const name of controllers.split(',')) groups.set(name, path);
  }
  return groups;
}

/** The directory of a group and of all above it, the root of the hierarchy included. */
function levelsOf(root: string, path = '/'): string[] {
  // A group outside of what this process may see is told with dots; its limits are not to be found.
  const names = path.split('/').filter((name) => name !== '' && name !== '..');
  return [...names.keys(), names.length].map((depth) => [root, ...names.slice(0, depth)].join('/')).reverse();
}

type MemoryTexts = Pick<ControlGroupTexts, 'memoryLimit' | 'memoryUsage' | 'memoryStat'>;

function tightestMemory(levels: readonly (() => MemoryTexts)[]): MemoryTexts {
  const limitOf = ({ memoryLimit }: MemoryTexts): number => {
    const limit = Number(memoryLimit?.trim() ?? NaN);
    return limit > 0 ? limit : Infinity;
  };
  const readings = levels.map((read) => read());
  const none = { memoryLimit: undefined, memoryUsage: undefined, memoryStat: undefined };
  return readings.reduce((best, next) => (limitOf(next) < limitOf(best) ? next : best), none);
}

function quotaOfVersion1(readText: ReadText, level: string): string | undefined {
  const quota = readText(`${level}/cpu.cfs_quota_us`);
  const period = readText(`${level}/cpu.cfs_period_us`);
  return quota === undefined || period === undefined ? undefined : `${quota.trim()} ${period.trim()}`;
}

function tightestQuota(texts: readonly (string | undefined)[]): string | undefined {
  const shareOf = (text: string | undefined): number => {
    const [quota, period] = (text ?? '').trim().split(/\s+/).map(Number);
    return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : Infinity;
  };
  return texts.reduce((best, next) => (shareOf(next) < shareOf(best) ? next : best), undefined);
}
