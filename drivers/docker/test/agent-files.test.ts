import { randomUUID } from 'node:crypto';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sampleRecord } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { busyboxSpec, HAS_ENGINE, openDockerTest, temporaryDirectory } from './docker-harness.ts';

const { signal } = new AbortController();

describe.skipIf(!HAS_ENGINE)('a file of the built-in agent', () => {
  it.each<[string, (path: string) => Promise<void>]>([
    ['is gone', (path) => rm(path)],
    ['became shorter', (path) => truncate(path, 3)],
  ])(
    'that %s since the server started fails the create, and the engine is not blamed',
    async (_name, harm) => {
      await using directory = await temporaryDirectory();
      const execd = join(directory.path, 'execd');
      await writeFile(execd, `#!/bin/sh\n# ${randomUUID()}\n`);
      await writeFile(join(directory.path, 'bootstrap.sh'), '#!/bin/sh\nexec "$@"\n');
      const version = randomUUID();
      const delivery = { image: 'builtin', rootfsDir: directory.path, version };
      await using test = await openDockerTest({ deps: { execd: delivery } });
      await harm(execd);
      const creating = test.driver.create(sampleRecord({ spec: busyboxSpec() }), () => undefined, signal);
      await expect(creating).rejects.toMatchObject({
        kind: 'internal',
        code: 'agent.distribution_failed',
        message: expect.stringMatching(/of the built-in agent cannot be read.*npm run build/) as unknown,
      });
      expect(await test.leftovers()).toEqual([]);
      const label = `label=opensandbox.io/agent-version=${version}`;
      const volumes = await test.docker('volume', 'ls', '-q', '--filter', label);
      await test.docker('volume', 'rm', ...volumes.split('\n'));
    },
  );
});
