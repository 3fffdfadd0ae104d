import { Fault, type FaultKind } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { FAULT_STATUS } from './fault-status.ts';
import { soundHost } from './host-header.ts';
import { ipLiteral } from './ip-literal.ts';
import { parsePreferWait } from './prefer.ts';
import { faultFields, publicMessage } from './public-error.ts';
import { requestIdOf } from './request-id.ts';
import { formatRetryAfter } from './retry-after.ts';

describe('parsePreferWait', () => {
  it.each<[string | string[] | undefined, number | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['wait=10', 10],
    ['respond-async, wait=10', 10],
    ['WAIT = "5"', 5],
    ['wait=3, wait=9', 3],
    [['respond-async', 'wait=7'], 7],
    ['foo; wait=4', 4],
    ['wait=0', 0],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=soon', undefined],
    ['await=5', undefined],
    ['wait=99999999999', undefined],
  ])('reads %j as %s', (header, seconds) => {
    expect(parsePreferWait(header)).toBe(seconds);
  });
});

describe('requestIdOf', () => {
  const uuid = () => '6d7edad5-281c-4329-bd2e-4cbce995ebf2';

  it.each(['abc', '  abc  ', 'a b', 'x'.repeat(128)])('keeps %j, trimmed', (sent) => {
    expect(requestIdOf(sent, uuid)).toBe(sent.trim());
  });

  it.each([undefined, '', ' ', 'x'.repeat(129), 'a\nb', 'é', ['a', 'b']])('replaces %j', (sent) => {
    expect(requestIdOf(sent, uuid)).toBe('6d7edad5281c4329bd2e4cbce995ebf2');
  });
});

describe('ipLiteral', () => {
  it.each(['10.1.2.3', '::1', '2001:db8::1', '::ffff:10.0.0.1'])('takes %s', (text) => {
    expect(ipLiteral(text)).toBe(text);
  });

  it.each([
    undefined,
    '',
    '10.1.2',
    '10.1.2.3:80',
    'fe80::1%eth0',
    'localhost',
    'x'.repeat(2048),
    ['10.1.2.3'],
  ])('ignores %j', (text) => {
    expect(ipLiteral(text)).toBeUndefined();
  });
});

describe('soundHost', () => {
  it.each(['localhost', 'my.host:81', 'my_host', '127.0.0.1:8080', '[::1]:8080', '[2001:db8::1]', 'a.b.'])(
    'takes %s',
    (host) => {
      expect(soundHost(host)).toBe(host);
    },
  );

  it.each([
    undefined,
    '',
    'a/b',
    'a b',
    'user@host',
    'host:',
    'host:123456',
    '::1',
    'a?b',
    'a\\b',
    'x'.repeat(256),
  ])('refuses %j', (host) => {
    expect(soundHost(host)).toBeUndefined();
  });
});

describe('formatRetryAfter', () => {
  it.each([
    [0, '1'],
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
  ])('rounds %d ms up to %s s', (ms, seconds) => {
    expect(formatRetryAfter(ms)).toBe(seconds);
  });
});

describe('FAULT_STATUS', () => {
  it('gives every kind an error status, and only the expected ones blame the server', () => {
    const entries = Object.entries(FAULT_STATUS) as [FaultKind, number][];
    expect(entries).toHaveLength(11);
    const blaming = entries.filter(([, status]) => status >= 500).map(([kind]) => kind);
    expect(blaming.sort()).toEqual(['internal', 'timeout', 'unavailable', 'unsupported']);
  });
});

describe('what is said about a Fault', () => {
  it('to a client never is the text of a defect', () => {
    const defect = new Fault('internal', 'internal.unexpected', 'x is undefined');
    expect(publicMessage(defect)).toBe('An unexpected error occurred.');
    expect(publicMessage(new Fault('invalid', 'port.invalid', 'Bad port.'))).toBe('Bad port.');
  });

  it('to the log names the chain of causes', () => {
    const cause = new Error('outer', { cause: new Error('inner') });
    const fields = faultFields(new Fault('internal', 'engine.failed', 'It failed.', { cause }));
    expect(fields).toMatchObject({ kind: 'internal', code: 'engine.failed', error: 'It failed.' });
    expect(fields['causes']).toEqual([expect.stringContaining('outer'), 'inner']);
  });
});
