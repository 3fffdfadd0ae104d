import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { createShells, hasItsShell } from './shell.ts';
import type { Shell } from './shell.ts';

const { signal } = new AbortController();
const MARKER = '/opt/opensandbox/.opensandbox-complete';
const OWN = '/opt/opensandbox/lib/sh';

function look(files: readonly string[] | Fault) {
  const asked: string[] = [];
  const shells = createShells();
  const engine = {
    hasFile: async (_id: string, path: string) => {
      asked.push(path);
      if (files instanceof Fault) throw files;
      if (!files.includes(path)) throw new Fault('not_found', 'engine.failed', 'no such file');
    },
  };
  const plan = {
    name: 'sandbox-1',
    platform: undefined,
    draft: { Image: 'app:v1', Labels: {}, HostConfig: {} },
  };
  const start = (shell: Shell, imageId = 'i1') =>
    hasItsShell({ engine, shells }, { imageId, shell, container: 'c1', plan }, signal);
  return { asked, shells, start };
}

describe('hasItsShell', () => {
  it('looks once at each image that has a shell', async () => {
    const { asked, start } = look(['/bin/sh', OWN, MARKER]);
    expect([await start('image'), await start('image'), await start('image', 'i2')]).toEqual([
      true,
      true,
      true,
    ]);
    expect(asked).toEqual(['/bin/sh', '/bin/sh']);
  });

  it("says no where only the agent has one, until the agent's is planned", async () => {
    const { asked, shells, start } = look([OWN, MARKER]);
    expect(await start('image')).toBe(false);
    expect(shells.get('i1')).toBe('agent');
    expect(await start('image')).toBe(false);
    expect(await start('agent')).toBe(true);
    expect(asked).toEqual(['/bin/sh', OWN]);
  });

  it('fails with the cause and the cure where nobody has one', async () => {
    await expect(look([MARKER]).start('image')).rejects.toMatchObject({
      code: 'sandbox.start_failed',
      message: expect.stringMatching(/^The image app:v1 has no \/bin\/sh.*execd_image/) as unknown,
    });
  });

  it.each<[string, readonly string[] | Fault]>([
    ['the agent is not there either', []],
    ['the engine does not tell', new Fault('forbidden', 'engine.failed', 'no')],
  ])('lets the start show what is wrong, and learns nothing, when %s', async (_name, files) => {
    const { shells, start } = look(files);
    expect(await start('image')).toBe(true);
    expect(shells.get('i1')).toBeUndefined();
  });
});

describe('createShells', () => {
  it('does not grow for ever', () => {
    const shells = createShells();
    for (let each = 0; each <= 1_000; each += 1) shells.set(String(each), 'image');
    expect([shells.get('0'), shells.get('1'), shells.get('1000')]).toEqual([undefined, 'image', 'image']);
  });
});
