import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, lines, removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** What a platform of another make uses as well: an image with the agent as one file. */
describe('an agent that comes from an image', () => {
  const tag = `opensandbox-test/execd:system-${process.pid}`;
  let directory: string;
  let server: ServerProcess;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'execd-image-'));
    const script = join(REPOSITORY, 'apps/execd/image/build-image.ts');
    execFileSync(join(REPOSITORY, 'node_modules/.bin/tsx'), [script, `--out=${directory}`, `--tag=${tag}`]);
    server = await openServer({ runtime: `type = "docker"\nexecd_image = "${tag}"` });
    await server.start();
  });

  afterAll(async () => {
    try {
      await server.stop();
    } finally {
      await removeAll(server.instance);
      await server[Symbol.asyncDispose]();
      const volumes = await lines(
        'volume',
        'ls',
        '-q',
        '--filter',
        `label=opensandbox.io/agent-version=${tag}`,
      );
      if (volumes.length > 0) await docker('volume', 'rm', ...volumes);
      await docker('rmi', '--force', tag);
      rmSync(directory, { recursive: true });
    }
  });

  it.each(['opensandbox-demo:latest', 'opensandbox-test/busybox:latest'])('serves %s', async (image) => {
    const connectionConfig = new ConnectionConfig({ domain: server.domain, apiKey: server.apiKey });
    const sandbox = await Sandbox.create({ connectionConfig, image, timeoutSeconds: 300 });
    try {
      expect((await sandbox.getInfo()).status.state).toBe('Running');
      const execution = await sandbox.commands.run('echo out; exit 3');
      expect(execution.logs.stdout.map((line) => line.text)).toEqual(['out']);
      expect(execution.exitCode).toBe(3);
      await sandbox.files.writeFiles([{ path: '/tmp/kept', data: 'content' }]);
      expect(await sandbox.files.readFile('/tmp/kept')).toBe('content');
    } finally {
      await sandbox.kill();
      await sandbox.close();
    }
  });
});
