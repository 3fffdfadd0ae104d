import { describe, expect, it } from 'vitest';
import { formatDescriptor, formatSummary } from './format-diagnostics.ts';
import { keepEnd } from './keep-end.ts';

describe('formatDescriptor', () => {
  const found = { text: 'größe\n', isTruncated: false, warnings: [] };
  const input = { sandboxId: 's', kind: 'logs', scope: 'container', found } as const;

  it('carries the text and its size in bytes', () => {
    expect(formatDescriptor(input)).toEqual({
      sandboxId: 's',
      kind: 'logs',
      scope: 'container',
      delivery: 'inline',
      contentType: 'text/plain; charset=utf-8',
      content: 'größe\n',
      contentLength: 8,
      truncated: false,
    });
  });

  it('tells what is missing', () => {
    const told = formatDescriptor({ ...input, found: { text: '', isTruncated: true, warnings: ['w'] } });
    expect(told).toMatchObject({ content: '', contentLength: 0, truncated: true, warnings: ['w'] });
  });

  it('keeps the end of a text that is too long', () => {
    const text = 'x'.repeat(99).concat('\n').repeat(20_000);
    const told = formatDescriptor({ ...input, found: { ...found, text } });
    expect(told.truncated).toBe(true);
    expect(told.contentLength).toBe(1_048_500);
    expect(told.content).toBe(text.slice(-1_048_500));
  });
});

describe('keepEnd', () => {
  it.each([
    ['fits\n', 5, 'fits\n'],
    ['one\ntwo\n', 4, 'two\n'],
    ['one\ntwo\n', 6, 'two\n'],
    ['one\ntwo', 3, 'two'],
    ['abcdef', 3, 'def'],
    ['aé€😀', 4, '😀'],
    ['aé€😀', 6, '😀'],
    ['é\n', 2, '\n'],
  ])('of %j in %i bytes is %j', (text, bytes, wanted) => {
    expect(keepEnd(text, bytes)).toBe(wanted);
  });
});

describe('formatSummary', () => {
  it('frames its three sections', () => {
    const input = { sandboxId: 'abc', lines: 50, inspect: 'I\n', events: 'E\n', logs: '' };
    expect(formatSummary(input).split('\n')).toEqual([
      '='.repeat(72),
      'SANDBOX DIAGNOSTICS SUMMARY',
      'Sandbox ID: abc',
      '='.repeat(72),
      '',
      '-'.repeat(40),
      'INSPECT',
      '-'.repeat(40),
      'I',
      '',
      '-'.repeat(40),
      'EVENTS',
      '-'.repeat(40),
      'E',
      '',
      '-'.repeat(40),
      'LOGS (last 50 lines)',
      '-'.repeat(40),
      '(no logs)',
      '',
    ]);
  });

  it('says which section could not be read, and no more', () => {
    const none = { inspect: undefined, events: undefined, logs: undefined };
    const text = formatSummary({ sandboxId: 'abc', lines: 1, ...none });
    for (const what of ['inspect', 'event', 'log']) {
      expect(text).toContain(`[error] Failed to collect ${what} diagnostics.\n`);
    }
  });
});
