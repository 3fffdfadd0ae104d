import { readdir } from 'node:fs/promises';
import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '@opensandbox/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewContainer } from '../../src/engine/engine.ts';
import { lookFromEngine } from '../../src/volumes/pin-sight.ts';
import { temporaryDirectory } from '../docker-harness.ts';
import { signal } from './volume-harness.ts';

const refusal = (text: string): Fault => new Fault('invalid', 'engine.failed', `no such source: ${text}`);
const absent = new Fault('not_found', 'engine.failed', 'no such file');

function sourcesOf({ draft }: NewContainer): readonly string[] {
  return (draft.HostConfig.Mounts ?? []).map((mount) => (mount as { readonly Source: string }).Source);
}

/** Refuses, or makes, and remembers what it made and removed. */
function engine(
  answer: (sources: readonly string[]) => Fault | 'made',
  has: (path: string) => boolean = () => false,
) {
  const made = new Set<string>();
  return {
    made,
    hasFile: (_id: string, path: string) => (has(path) ? Promise.resolve() : Promise.reject(absent)),
    async removeContainer(id: string) {
      made.delete(id);
    },
    async createContainer(wanted: NewContainer) {
      const given = answer(sourcesOf(wanted));
      if (given !== 'made') throw given;
      made.add(wanted.name);
      return wanted.name;
    },
  };
}

describe('lookFromEngine', () => {
  let place: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeEach(async () => {
    place = await temporaryDirectory();
  });

  afterEach(async () => {
    expect(await readdir(place.path)).toEqual([]);
    await place[Symbol.asyncDispose]();
  });

  const look = (context: { readonly engine: ReturnType<typeof engine> }) =>
    lookFromEngine(context, { directory: place.path, image: 'image' }, signal);

  it.each([
    ['seen', 'the second path, which is nowhere', ([, nowhere = '']: readonly string[]) => refusal(nowhere)],
    ['unseen', 'the first path, which is here', ([first = '']: readonly string[]) => refusal(first)],
    ['unclear', 'both', (sources: readonly string[]) => refusal(sources.join(' '))],
    ['unclear', 'neither', () => refusal('something')],
    ['unclear', 'the image', () => absent],
  ])('finds the directory %s when the engine refuses %s', async (sight, _what, answer) => {
    expect(await look({ engine: engine(answer) })).toBe(sight);
  });

  it('asks for a path that is there and one that is not', async () => {
    const asked: boolean[][] = [];
    await look({
      engine: engine((sources) => (asked.push(sources.map((path) => existsSync(path))), absent)),
    });
    expect(asked).toEqual([[true, false]]);
  });

  it('looks inside when the engine takes everything, and makes what is missing', async () => {
    const sees = engine(
      (sources) => {
        for (const source of sources) mkdirSync(source, { recursive: true });
        return 'made';
      },
      (path) => dirname(path) === '/sight/0' && existsSync(join(place.path, basename(path))),
    );
    expect(await look({ engine: sees })).toBe('seen');
    expect(sees.made.size).toBe(0);
    const elsewhere = engine(() => 'made');
    expect(await look({ engine: elsewhere })).toBe('unseen');
    expect(elsewhere.made.size).toBe(0);
  });

  it('passes on that the engine is away', async () => {
    const away = engine(() => new Fault('unavailable', 'engine.unavailable', 'away'));
    await expect(look({ engine: away })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
