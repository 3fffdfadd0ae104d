import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest } from './docker-harness.ts';

const { signal } = new AbortController();
/** Every engine has a second name for what it runs containers with. */
const OTHER_NAME = 'io.containerd.runc.v2';

describe.skipIf(!HAS_ENGINE)('a runtime that is configured', () => {
  it('runs every sandbox', async () => {
    await using test = await openDockerTest({ deps: { secureRuntime: { kind: 'kata', name: OTHER_NAME } } });
    const record = sampleRecord({ spec: busyboxSpec() });
    const seen = await test.driver.create(record, () => undefined, signal);
    expect(seen.phase).toBe('running');
    const name = `sandbox-${record.id}`;
    expect(await test.docker('inspect', '--format', '{{.HostConfig.Runtime}}', name)).toBe(OTHER_NAME);
    await test.driver.destroy(record.id, signal);
    expect(await test.leftovers()).toEqual([]);
  });

  it.each([
    ['gvisor', undefined, 'runsc'],
    ['kata', undefined, 'kata-runtime'],
    ['kata', 'nosuch', 'nosuch'],
  ] as const)(
    'of kind %s and name %s lets no driver open when the engine lacks it',
    async (kind, name, wanted) => {
      await expect(openDockerTest({ deps: { secureRuntime: { kind, name } } })).rejects.toMatchObject({
        code: 'runtime.missing',
        message: expect.stringMatching(
          new RegExp(
            `Configured Docker runtime '${wanted}' is not available\\. Available runtimes: .*\\brunc\\b`,
          ),
        ) as unknown,
      });
    },
  );
});
