import {
  diagnosticEventsQuery,
  diagnosticLogsQuery,
  diagnosticSummaryQuery,
  validate,
} from '@opensandbox/contract';
import type { DiagnosticScope } from '@opensandbox/core';
import { Fault } from '@opensandbox/base';
import { readQuery } from './query-text.ts';

export interface DiagnosticLogsRequest {
  /** `undefined` asks for the plain text. */
  readonly scope: DiagnosticScope | undefined;
  readonly lines: number;
  /** Epoch ms. */
  readonly since: number | undefined;
  /** What was not understood and how it was taken. */
  readonly warnings: readonly string[];
}

export interface DiagnosticEventsRequest {
  readonly scope: DiagnosticScope | undefined;
  readonly limit: number;
}

export interface DiagnosticSummaryRequest {
  readonly lines: number;
  readonly eventLimit: number;
}

export const DIAGNOSTIC_SCOPES: readonly DiagnosticScope[] = [
  'container',
  'lifecycle',
  'runtime',
  'network',
  'process',
  'all',
];

/** With a scope and no number, as much as may be asked for: size is what bounds it then. */
const MOST_LINES = 10_000;
const MOST_EVENTS = 500;

export function parseDiagnosticLogs(rawQuery: string, now: number): DiagnosticLogsRequest {
  const input = readQuery(rawQuery);
  const { scope, tail, since } = validate(diagnosticLogsQuery, input, 'query');
  const lines = scope !== undefined && input['tail'] === undefined ? MOST_LINES : Number(tail);
  const known = parseScope(scope);
  return { scope: known, lines, ...parseSince(since, now) };
}

export function parseDiagnosticEvents(rawQuery: string): DiagnosticEventsRequest {
  const input = readQuery(rawQuery);
  const { scope, limit } = validate(diagnosticEventsQuery, input, 'query');
  const most = scope !== undefined && input['limit'] === undefined ? MOST_EVENTS : Number(limit);
  return { scope: parseScope(scope), limit: most };
}

export function parseDiagnosticSummary(rawQuery: string): DiagnosticSummaryRequest {
  const { tail, event_limit: limit } = validate(diagnosticSummaryQuery, readQuery(rawQuery), 'query');
  return { lines: Number(tail), eventLimit: Number(limit) };
}

function parseScope(scope: string | undefined): DiagnosticScope | undefined {
  if (scope === undefined) return undefined;
  const known = DIAGNOSTIC_SCOPES.find((name) => name === scope);
  if (known !== undefined) return known;
  throw new Fault(
    'unsupported',
    'diagnostics.unsupported',
    `Diagnostics of scope '${scope.slice(0, 100)}' are not implemented. Scopes: ${DIAGNOSTIC_SCOPES.join(', ')}.`,
  );
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const USUAL_AGE_MS = 10 * UNIT_MS.m;

/**
 * An age such as `10m`. Clients rely on any other text meaning ten minutes; they are told that it does. Ages that
 * reach beyond the epoch mean everything.
 */
function parseSince(
  since: string | undefined,
  now: number,
): Pick<DiagnosticLogsRequest, 'since' | 'warnings'> {
  if (since === undefined) return { since: undefined, warnings: [] };
  const [, count, unit] = /^(\d+)\s*([smhd])$/i.exec(since.trim()) ?? [];
  if (count === undefined || unit === undefined) {
    const warning =
      "'since' is no age such as 90s, 10m, 2h or 1d: the lines of the last 10 minutes are shown.";
    return { since: now - USUAL_AGE_MS, warnings: [warning] };
  }
  const age = Number(count) * UNIT_MS[unit.toLowerCase() as keyof typeof UNIT_MS];
  return { since: Math.max(0, now - age), warnings: [] };
}
