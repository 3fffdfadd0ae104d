import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { captureLog } from '@opensandbox/testkit';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import type { ImageInspect } from '../engine/answers.ts';
import { readEngineFailure } from '../faults.ts';
import { seal } from './seal.ts';

const { signal } = new AbortController();
const REFERENCE = 'opensandbox-snapshots:s1';
const BASE: ImageInspect = {
  Id: 'sha256:base',
  Os: 'linux',
  Architecture: 'amd64',
  Config: { Env: ['A=b'] },
  RootFS: { Layers: ['sha256:1'] },
};
const DRAFT: ImageInspect = {
  Id: 'sha256:draft',
  Parent: 'sha256:base',
  Os: 'linux',
  Architecture: 'amd64',
  Config: { Labels: { 'opensandbox.io/auxiliary': 'snapshot-draft' } },
  RootFS: { Layers: ['sha256:1', 'sha256:2'] },
};

async function filesOf(tar: Readable): Promise<Map<string, unknown>> {
  const files = new Map<string, unknown>();
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    void buffer(stream).then((content) => {
      files.set(header.name, JSON.parse(content.toString()));
      next();
    }, next);
  });
  Readable.from([await buffer(tar)]).pipe(reader);
  await new Promise((resolve) => reader.once('finish', resolve));
  return files;
}

/** An engine whose `load` does what the test says. */
function engineThat(load: (files: Map<string, unknown>) => string) {
  const images = new Map([
    [REFERENCE, DRAFT],
    ['sha256:base', BASE],
  ]);
  const removed: string[] = [];
  const log = captureLog();
  const inspectImage = async (reference: string): Promise<ImageInspect> => {
    const found = images.get(reference);
    if (found === undefined) throw readEngineFailure(404, { message: 'No such image' });
    return found;
  };
  const loadImages = async (tar: Readable): Promise<string> => load(await filesOf(tar));
  const removeImage = async (reference: string): Promise<void> => void removed.push(reference);
  return { images, removed, log, context: { engine: { inspectImage, loadImages, removeImage }, log } };
}

const wish = { snapshotId: 's1', draft: DRAFT };

describe('seal', () => {
  it('describes the clean image, without any layer, and removes the draft', async () => {
    let described: unknown;
    const world = engineThat((files) => {
      const manifest = files.get('manifest.json') as {
        Config: string;
        RepoTags: string[];
        Layers: string[];
      }[];
      expect(manifest).toHaveLength(1);
      expect(manifest[0]?.RepoTags).toEqual([REFERENCE]);
      expect(manifest[0]?.Layers).toHaveLength(2);
      expect(files.size).toBe(2);
      described = files.get(manifest[0]?.Config ?? '');
      world.images.set(REFERENCE, { Id: 'sha256:clean' });
      return '{"stream":"Loaded image"}';
    });
    await seal(world.context, wish, signal);
    expect(described).toMatchObject({
      config: { Env: ['A=b'] },
      rootfs: { diff_ids: ['sha256:1', 'sha256:2'] },
    });
    expect(world.removed).toEqual(['sha256:draft']);
  });

  it('keeps the draft when the engine refuses the description, in a line or in its status', async () => {
    const inLine = engineThat(() => '{"errorDetail":{"message":"no such layer"}}');
    const inStatus = engineThat(() => {
      throw readEngineFailure(500, { message: 'unsupported' });
    });
    for (const world of [inLine, inStatus]) {
      await seal(world.context, wish, signal);
      expect(world.removed).toEqual([]);
      expect(world.log.lines.map((line) => line.event)).toEqual(['snapshot.not_sealed']);
    }
  });

  it('keeps the draft when its parent is gone', async () => {
    const world = engineThat(() => 'never asked');
    world.images.delete('sha256:base');
    await seal(world.context, wish, signal);
    expect(world.removed).toEqual([]);
    expect(world.log.lines).toHaveLength(1);
  });

  it('leaves an image alone that is no draft', async () => {
    const world = engineThat(() => 'never asked');
    await seal(world.context, { snapshotId: 's1', draft: BASE }, signal);
    expect(world.log.lines).toEqual([]);
  });
});
