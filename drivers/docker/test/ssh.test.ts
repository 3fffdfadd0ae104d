import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openScope, silentLogger, systemClock } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { dockerConfig, openDockerDriver } from '../src/index.ts';
import { HAS_ENGINE, SOCKET, standInAgent, temporaryDirectory } from './docker-harness.ts';

const { signal } = new AbortController();

describe.skipIf(!HAS_ENGINE)('an engine behind ssh', () => {
  it('is reached through the ssh program, with the arguments that the Docker CLI uses', async () => {
    await using directory = await temporaryDirectory();
    const seen = join(directory.path, 'arguments');
    const remote = `docker -H unix://${SOCKET} system dial-stdio`;
    await writeFile(join(directory.path, 'ssh'), `#!/bin/sh\necho "$@" > ${seen}\nexec ${remote}\n`);
    await chmod(join(directory.path, 'ssh'), 0o755);
    const before = process.env['PATH'];
    process.env['PATH'] = `${directory.path}:${before ?? ''}`;
    try {
      await using scope = openScope(silentLogger);
      const deps = {
        log: silentLogger,
        clock: systemClock(),
        env: { DOCKER_HOST: 'ssh://me@far.example:2222' },
        execd: { image: 'builtin', rootfsDir: await standInAgent(), version: 'ssh' },
        publishAddress: '127.0.0.1',
      };
      const driver = await openDockerDriver(dockerConfig.parse({ instance: 'ssh-test' }), deps, scope);
      for await (const event of driver.observe(signal)) {
        expect(event).toMatchObject({ type: 'snapshot', observations: [] });
        break;
      }
      expect((await readFile(seen, 'utf8')).trim()).toBe(
        '-o BatchMode=yes -l me -p 2222 -- far.example docker system dial-stdio',
      );
    } finally {
      process.env['PATH'] = before;
    }
  });
});
