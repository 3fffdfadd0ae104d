import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { parseDiagnosticEvents, parseDiagnosticLogs, parseDiagnosticSummary } from './parse-diagnostics.ts';

const NOW = Date.UTC(2026, 0, 2);

describe('parseDiagnosticLogs', () => {
  it.each([
    ['', { scope: undefined, lines: 100, since: undefined, warnings: [] }],
    ['tail=5', { scope: undefined, lines: 5, since: undefined, warnings: [] }],
    ['scope=container', { scope: 'container', lines: 10_000, since: undefined, warnings: [] }],
    ['scope=all&tail=7', { scope: 'all', lines: 7, since: undefined, warnings: [] }],
  ])('reads %j', (query, wanted) => {
    expect(parseDiagnosticLogs(query, NOW)).toEqual(wanted);
  });

  it.each([
    ['30s', NOW - 30_000],
    ['10m', NOW - 600_000],
    ['2%20H', NOW - 7_200_000],
    ['1D', NOW - 86_400_000],
    ['0s', NOW],
    ['99999999999d', 0],
    [`${'9'.repeat(400)}d`, 0],
  ])('takes an age of %s', (since, wanted) => {
    expect(parseDiagnosticLogs(`since=${since}`, NOW)).toMatchObject({ since: wanted, warnings: [] });
  });

  it.each(['', 'soon', '10', '-5m', '1.5h', '10w', '2026-01-01T00:00:00Z'])(
    'takes %j for ten minutes, and says so',
    (since) => {
      const parsed = parseDiagnosticLogs(`since=${since}`, NOW);
      expect(parsed.since).toBe(NOW - 600_000);
      expect(parsed.warnings).toHaveLength(1);
    },
  );
});

describe('the other parsers', () => {
  it('know their defaults', () => {
    expect(parseDiagnosticEvents('')).toEqual({ scope: undefined, limit: 50 });
    expect(parseDiagnosticEvents('scope=lifecycle')).toEqual({ scope: 'lifecycle', limit: 500 });
    expect(parseDiagnosticEvents('scope=lifecycle&limit=3')).toEqual({ scope: 'lifecycle', limit: 3 });
    expect(parseDiagnosticSummary('event_limit=3')).toEqual({ lines: 50, eventLimit: 3 });
  });

  it.each([
    ['logs', () => parseDiagnosticLogs('tail=0', NOW)],
    ['logs', () => parseDiagnosticLogs('tail=10001', NOW)],
    ['logs', () => parseDiagnosticLogs('tail=x&scope=nope', NOW)],
    ['events', () => parseDiagnosticEvents('limit=501')],
    ['summary', () => parseDiagnosticSummary('tail=0')],
    ['summary', () => parseDiagnosticSummary('event_limit=x')],
  ])('refuse numbers out of range in %s', (_name, parse) => {
    expect(codeOf(parse)).toBe('request.invalid');
  });

  it.each(['', 'nope', 'Container', 'container,runtime'])('do not implement the scope %j', (scope) => {
    const query = `scope=${encodeURIComponent(scope)}`;
    expect(codeOf(() => parseDiagnosticLogs(query, NOW))).toBe('diagnostics.unsupported');
    expect(codeOf(() => parseDiagnosticEvents(query))).toBe('diagnostics.unsupported');
  });
});

function codeOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
  return 'accepted';
}
