import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { issuesOf } from '../validation/issue.ts';
import { parseJsonBody } from './parse-body.ts';

const JSON_TYPE = 'application/json';
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function utf16(text: string, little: boolean): Uint8Array {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at += 1) view.setUint16(at * 2, text.charCodeAt(at), little);
  return bytes;
}

function utf32(text: string, little: boolean): Uint8Array {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  const view = new DataView(new ArrayBuffer(points.length * 4));
  points.forEach((point, index) => view.setUint32(index * 4, point, little));
  return new Uint8Array(view.buffer);
}

function faultOf(raw: Uint8Array, contentType: string | undefined = JSON_TYPE): Fault {
  try {
    parseJsonBody(raw, contentType);
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  throw new Error('the body was accepted');
}

describe('parseJsonBody', () => {
  it.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=latin-1',
    'application/merge-patch+json',
    'application/vnd.x+JSON ;v=1',
  ])('reads JSON under the content type %s', (contentType) => {
    expect(parseJsonBody(utf8('{"a":"ü"}'), contentType)).toEqual({ a: 'ü' });
  });

  it.each([
    undefined,
    'text/plain',
    'text/json',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    '',
  ])('hands back the text under the content type %s', (contentType) => {
    expect(parseJsonBody(utf8('{"a":1}'), contentType)).toBe('{"a":1}');
  });

  it.each([undefined, new Uint8Array(), utf8('null'), utf8(' null ')])('takes %s for no body', (raw) => {
    expect(parseJsonBody(raw, JSON_TYPE)).toBeUndefined();
  });

  it.each([
    ['UTF-8 with a byte order mark', utf8('\uFEFF{"a":"€😀"}')],
    ['UTF-16 little endian', utf16('{"a":"€😀"}', true)],
    ['UTF-16 big endian with a mark', utf16('\uFEFF{"a":"€😀"}', false)],
    ['UTF-32 little endian with a mark', utf32('\uFEFF{"a":"€😀"}', true)],
    ['UTF-32 big endian', utf32('{"a":"€😀"}', false)],
  ])('reads %s', (_name, raw) => {
    expect(parseJsonBody(raw, JSON_TYPE)).toEqual({ a: '€😀' });
  });

  it('tells the place of malformed JSON', () => {
    const fault = faultOf(utf8('{bad'));
    expect(fault.code).toBe('request.invalid');
    expect(issuesOf(fault)).toEqual([
      {
        type: 'json_invalid',
        loc: ['body', 1],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: 'Expecting property name enclosed in double quotes' },
      },
    ]);
  });

  it.each([
    ['bytes that are no UTF-8', Uint8Array.from([0x22, 0xff, 0xfe, 0x22])],
    ['half a UTF-32 character', utf32('\uFEFF"a"', true).slice(0, -1)],
    ['nesting without end', utf8('['.repeat(10_000))],
    ['an endless integer', utf8('1'.repeat(5000))],
  ])('calls %s unreadable', (_name, raw) => {
    const fault = faultOf(raw);
    expect([fault.kind, fault.code]).toEqual(['invalid', 'request.unreadable']);
  });
});
