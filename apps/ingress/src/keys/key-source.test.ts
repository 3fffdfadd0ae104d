import { captureLog, FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { fixedKeys, openKeyFile } from './key-source.ts';

function setUp(text: string) {
  const file: { text: string | undefined } = { text };
  const clock = new FakeClock();
  const log = captureLog();
  const readFile = async (): Promise<string> => {
    if (file.text === undefined) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
    return file.text;
  };
  return { file, clock, log, deps: { readFile, clock, log } };
}

describe('openKeyFile', () => {
  it('reads a changed file by itself', async () => {
    const { file, clock, deps } = setUp('a=b25l');
    const keys = await openKeyFile('/keys', deps);
    const stop = new AbortController();
    const watching = keys.watch(stop.signal).catch(() => undefined);
    file.text = 'b=dHdv\n';
    await clock.advance(2_000);
    expect(keys.current()?.keyIds).toEqual(['b']);
    stop.abort();
    await watching;
  });

  it('keeps its keys while the file is gone, empty or wrong, and says so once', async () => {
    const { file, log, deps } = setUp('a=b25l');
    const keys = await openKeyFile('/keys', deps);
    for (const text of [undefined, undefined, '', 'nonsense', 'nonsense']) {
      file.text = text;
      await keys.reload();
      expect(keys.current()?.keyIds).toEqual(['a']);
    }
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(3);
    file.text = 'c=b25l';
    await keys.reload();
    expect(keys.current()?.keyIds).toEqual(['c']);
    expect(JSON.stringify(log.lines)).not.toMatch(/b25l|nonsense/);
  });

  it.each([
    ['', /holds no key/],
    ['a=', /standard base64/],
  ])('does not start with %j', async (text, message) => {
    await expect(openKeyFile('/keys', setUp(text).deps)).rejects.toThrow(message);
  });

  it('does not start without the file', async () => {
    const { file, deps } = setUp('');
    file.text = undefined;
    await expect(openKeyFile('/keys', deps)).rejects.toThrow(/\/keys cannot be read \(ENOENT\)/);
  });
});

describe('fixedKeys', () => {
  it('are none when the list is empty', () => {
    expect(fixedKeys(' ,').current()).toBeUndefined();
    expect(fixedKeys('a=b25l,').current()?.keyIds).toEqual(['a']);
  });
});
