import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { repeatableBody } from './repeatable-body.ts';

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const piece of stream) text += String(piece);
  return text;
}

describe('a repeatable body', () => {
  it('is the same each time it is opened', async () => {
    const source = new PassThrough();
    const body = repeatableBody(source);
    source.write('one ');
    source.end('two');
    expect(await textOf(body.open())).toBe('one two');
    expect(await textOf(body.open())).toBe('one two');
    expect(body.isRepeatable()).toBe(true);
  });

  it('does not end the process when its client leaves in the middle', async () => {
    const source = new PassThrough();
    const stream = repeatableBody(source).open();
    const closed = new Promise<void>((resolve) => stream.once('close', resolve));
    stream.resume();
    source.write('abc');
    source.destroy(new Error('aborted'));
    await closed;
    expect(stream.errored?.message).toBe('aborted');
    // An error that nobody listens to is thrown.
    expect(() => stream.emit('error', new Error('aborted'))).not.toThrow();
  });

  it.each(['opened', 'waited for', 'untouched'])('flows away once it is discarded: %s', async (how) => {
    const source = new PassThrough({ highWaterMark: 4 });
    const body = repeatableBody(source);
    const stream = how === 'untouched' ? undefined : body.open();
    if (how === 'opened') source.write('a piece that fills it');
    if (stream !== undefined) stream.read();
    if (how === 'opened' && stream !== undefined) await once(stream, 'readable');
    body.discard();
    const ended = once(source, 'end');
    source.write('another piece');
    source.end('and the last');
    await ended;
    expect(source.readableEnded).toBe(true);
  });
});
