import { Fault, Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { jsonLine, textLine } from './format-line.ts';
import type { LogEntry } from './format-line.ts';

const TIME = Date.UTC(2026, 10, 20, 15, 6, 43, 250);
const entry = (fields: LogEntry['fields'], event = 'sandbox.created'): LogEntry => ({
  time: TIME,
  level: 'info',
  event,
  fields,
});
const plain = textLine({ colour: false, padLevel: false });

describe('textLine', () => {
  it('writes level, time, request, logger, event and fields', () => {
    const fields = {
      logger: 'opensandbox',
      requestId: 'r1',
      sandboxId: 'abc',
      durationMs: 12,
      note: 'two words',
    };
    expect(plain(entry(fields))).toBe(
      'INFO:  2026-11-20 15:06:43+0000 [r1] opensandbox: sandbox.created sandboxId=abc durationMs=12 note="two words"',
    );
  });

  it('shows a dash where no request is', () => {
    expect(plain(entry({}))).toBe('INFO:  2026-11-20 15:06:43+0000 [-] opensandbox: sandbox.created');
  });

  it('pads the level in files and colours it on terminals', () => {
    expect(textLine({ colour: false, padLevel: true })(entry({}))).toMatch(/^ {4}INFO: {2}2026/);
    expect(textLine({ colour: true, padLevel: false })(entry({}))).toContain(
      '\u001b[32mINFO:\u001b[0m  2026',
    );
  });

  it('cannot be made to begin a second line', () => {
    const line = plain(
      entry({ requestId: 'a\nb', path: '/x\r\nERROR:  forged', nested: { a: '\u2028' } }, 'e\nv'),
    );
    expect(line).not.toMatch(/[\r\n]/);
    expect(line).toContain('[a_b]');
  });
});

describe('redaction', () => {
  const SECRET = 'hunter2';
  it.each<[string, Record<string, unknown>]>([
    ['a Secret', { value: new Secret(SECRET) }],
    ['a telling name', { apiKey: SECRET }],
    ['a header name', { headers: { Authorization: SECRET, 'OPEN-SANDBOX-API-KEY': SECRET, Cookie: SECRET } }],
    ['registry credentials', { auth: [{ username: 'u', password: SECRET }], 'X-Registry-Auth': SECRET }],
    ['depth', { a: { b: { c: { d: { token: SECRET } } } } }],
    ['a map', { map: new Map([['client_secret', SECRET]]) }],
    ['credentials in a URL', { url: `redis://user:${SECRET}@host/0` }],
    [
      'a cause',
      { error: new Fault('internal', 'x', 'y', { cause: new Error(`x-registry-auth: ${SECRET}`) }) },
    ],
    ['details', { error: new Fault('internal', 'x', 'y', { details: { password: SECRET } }) }],
    ['a named object', { credentials: { user: SECRET } }],
  ])('hides secrets behind %s', (_, fields) => {
    expect(plain(entry(fields))).not.toContain(SECRET);
    expect(jsonLine(entry(fields))).not.toContain(SECRET);
  });

  it('keeps counts and switches, circles and odd values printable', () => {
    const circle = { tokens: 3, hasKey: true, big: 10n, bytes: new Uint8Array(4), run: () => 1 };
    const outer: Record<string, unknown> = {};
    outer['outer'] = outer;
    expect(JSON.parse(jsonLine(entry({ ...circle, list: [outer] })))).toMatchObject({
      tokens: 3,
      hasKey: true,
      big: '10',
      bytes: '[4 bytes]',
      list: [{ outer: '[circular]' }],
    });
  });

  it('keeps what an error and its causes say', () => {
    const error = new Fault('unavailable', 'engine.unavailable', 'away', {
      cause: new Error('ECONNREFUSED'),
    });
    expect(JSON.parse(jsonLine(entry({ error })))).toMatchObject({
      error: {
        kind: 'unavailable',
        code: 'engine.unavailable',
        message: 'away',
        cause: { message: 'ECONNREFUSED' },
      },
    });
  });
});
