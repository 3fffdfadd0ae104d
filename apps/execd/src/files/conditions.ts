export interface Version {
  readonly etag: string;
  readonly mtimeMs: number;
}

export type ConditionAnswer = 'proceed' | 'not_modified' | 'failed';

interface HeaderSource {
  get(name: string): string | null;
}

/** Evaluates the conditional request headers against the file, in the order HTTP prescribes. */
export function evaluateConditions(headers: HeaderSource, version: Version): ConditionAnswer {
  const ifMatch = headers.get('if-match');
  if (ifMatch !== null && !listsTag(ifMatch, version.etag)) return 'failed';
  if (ifMatch === null && isNewer(version, headers.get('if-unmodified-since'))) return 'failed';
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== null) return listsTag(ifNoneMatch, version.etag) ? 'not_modified' : 'proceed';
  const since = parseSeconds(headers.get('if-modified-since'));
  return since !== undefined && seconds(version.mtimeMs) <= since ? 'not_modified' : 'proceed';
}

/** Whether a `Range` still speaks of this file: `If-Range` is absent, or names exactly this version. */
export function rangeApplies(ifRange: string | null, version: Version): boolean {
  if (ifRange === null) return true;
  const value = ifRange.trim();
  if (value.startsWith('"') || value.startsWith('W/')) return value === version.etag;
  return parseSeconds(value) === seconds(version.mtimeMs);
}

function listsTag(header: string, etag: string): boolean {
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

function isNewer(version: Version, date: string | null): boolean {
  const limit = parseSeconds(date);
  return limit !== undefined && seconds(version.mtimeMs) > limit;
}

/** HTTP dates have whole seconds. A date that cannot be read counts as absent. */
function parseSeconds(date: string | null): number | undefined {
  const time = date === null ? NaN : Date.parse(date);
  return Number.isNaN(time) ? undefined : seconds(time);
}

function seconds(timeMs: number): number {
  return Math.floor(timeMs / 1000);
}
