import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIntent, parseIntent } from './intent.ts';
import { parseMoment } from './moment.ts';

const NOW = Date.UTC(2026, 10, 20, 15, 25, 0);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (value: unknown): ReturnType<typeof parseIntent> =>
  parseIntent(bytes(JSON.stringify(value)), NOW);
const AT = '2026-11-20T15:23:40.219280685Z';

describe('parseMoment', () => {
  it.each([
    ['2026-11-20T15:23:40.219280685Z', Date.UTC(2026, 10, 20, 15, 23, 40, 219)],
    ['2026-11-20T15:23:40.2Z', Date.UTC(2026, 10, 20, 15, 23, 40, 200)],
    ['2026-11-20T15:23:40Z', Date.UTC(2026, 10, 20, 15, 23, 40)],
    ['2026-11-20T23:23:40+08:00', Date.UTC(2026, 10, 20, 15, 23, 40)],
    ['2026-11-20T09:53:40.001-05:30', Date.UTC(2026, 10, 20, 15, 23, 40, 1)],
    ['2026-11-20T15:23:40', Date.UTC(2026, 10, 20, 15, 23, 40)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ])('reads %s', (text, expected) => {
    expect(parseMoment(text)).toBe(expected);
  });

  it.each([
    '2026-11-20T15:23:40z',
    '2026-11-20',
    '2026-11-20T15:23Z',
    '2026-11-20T15:23:40.1234567890Z',
    '2026-11-20T15:23:40.Z',
    '2026-02-30T15:23:40Z',
    '2025-02-29T15:23:40Z',
    '2026-13-01T15:23:40Z',
    '2026-00-01T15:23:40Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20T15:60:00Z',
    '2026-11-20T15:23:60Z',
    '2026-11-20T15:23:40+24:00',
    '2026-11-20T15:23:40+8',
    'Fri, 20 Nov 2026 15:23:40 GMT',
    '1795188220',
    '',
  ])('does not take %j for a moment', (text) => {
    expect(parseMoment(text)).toBeUndefined();
  });
});

describe('parseIntent', () => {
  it('reads what a gateway writes', () => {
    const element = { sandbox_id: 'my-sandbox', observed_at: AT, port: 8080, request_uri: '/api/x' };
    const observedAt = Date.UTC(2026, 10, 20, 15, 23, 40, 219);
    expect(parse(element)).toEqual({
      kind: 'intent',
      intent: { sandboxId: 'my-sandbox', observedAt, port: 8080, requestUri: '/api/x' },
    });
    expect(
      parseIntent(bytes('{"sandbox_id":"a\\u003cb","observed_at":"2026-11-20T15:25:00Z"}'), NOW),
    ).toEqual({
      kind: 'intent',
      intent: { sandboxId: 'a<b', observedAt: NOW },
    });
  });

  it.each([
    ['no optional fields', { sandbox_id: 'a', observed_at: AT }],
    ['an offset', { sandbox_id: 'a', observed_at: '2026-11-20T23:24:40+08:00' }],
    ['a padded id', { sandbox_id: ' a\n', observed_at: AT }],
    ['a port that is none', { sandbox_id: 'a', observed_at: AT, port: 'x' }],
    ['a path that is no text', { sandbox_id: 'a', observed_at: AT, request_uri: 7 }],
    ['unknown fields', { sandbox_id: 'a', observed_at: AT, more: [1] }],
    ['a moment of the future', { sandbox_id: 'a', observed_at: '2030-01-01T00:00:00Z' }],
    ['exactly the greatest age', { sandbox_id: 'a', observed_at: '2026-11-20T15:20:00Z' }],
  ])('takes %s', (_what, value) => {
    expect(parse(value)).toMatchObject({ kind: 'intent', intent: { sandboxId: 'a' } });
  });

  it.each([
    ['no JSON', 'not json'],
    ['nothing', ''],
    ['an array', '[]'],
    ['null', 'null'],
    ['a number', '1'],
    ['text', '"a"'],
    ['a blank id', JSON.stringify({ sandbox_id: ' ', observed_at: AT })],
    ['a numeric id', JSON.stringify({ sandbox_id: 7, observed_at: AT })],
    ['no id', JSON.stringify({ observed_at: AT })],
    ['no time', JSON.stringify({ sandbox_id: 'a' })],
    ['a numeric time', JSON.stringify({ sandbox_id: 'a', observed_at: NOW })],
    ['a lower-case zone', JSON.stringify({ sandbox_id: 'a', observed_at: '2026-11-20T15:24:40z' })],
    ['a day', JSON.stringify({ sandbox_id: 'a', observed_at: '2026-11-20' })],
    ['too much', JSON.stringify({ sandbox_id: 'a'.repeat(70_000), observed_at: AT })],
  ])('drops %s', (_what, text) => {
    expect(parseIntent(bytes(text), NOW)).toEqual({ kind: 'malformed' });
  });

  it('drops bytes that are no text, and what is too old', () => {
    expect(parseIntent(Uint8Array.of(0xff, 0xfe), NOW)).toEqual({ kind: 'malformed' });
    expect(parse({ sandbox_id: 'a', observed_at: '2026-11-20T15:19:59.999Z' })).toEqual({ kind: 'stale' });
  });

  it('answers whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
        expect(['malformed', 'stale', 'intent']).toContain(parseIntent(raw, NOW).kind);
      }),
    );
  });

  it('reads back what formatIntent wrote', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((id) => id.trim() === id),
        fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
        fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
        (sandboxId, port, requestUri) => {
          const intent = {
            sandboxId,
            observedAt: NOW - 5,
            ...(port === undefined ? {} : { port }),
            ...(requestUri === undefined ? {} : { requestUri }),
          };
          expect(parseIntent(bytes(formatIntent(intent)), NOW)).toEqual({ kind: 'intent', intent });
        },
      ),
    );
  });
});

describe('formatIntent', () => {
  it('leaves out a port of 0 and an empty path', () => {
    expect(formatIntent({ sandboxId: 'a', observedAt: NOW, port: 0, requestUri: '' })).toBe(
      '{"sandbox_id":"a","observed_at":"2026-11-20T15:25:00.000Z"}',
    );
  });
});
