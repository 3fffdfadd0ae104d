import { ConnectionConfig, Sandbox } from '@alibaba-group/opensandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeAll } from './support/docker.ts';
import { openServer, type ServerProcess } from './support/server-process.ts';

const WORKSPACE = { path: '/workspace' } as const;

describe.each([
  ['straight to the sandbox', false],
  ['through the server proxy', true],
])('isolated sessions of the official SDK, %s', (_way, useServerProxy) => {
  let server: ServerProcess;
  let sandbox: Sandbox;

  beforeAll(async () => {
    server = await openServer({ docker: 'isolation = true' });
    await server.start();
    sandbox = await Sandbox.create({
      connectionConfig: new ConnectionConfig({
        domain: server.domain,
        apiKey: server.apiKey,
        useServerProxy,
      }),
      image: 'opensandbox-demo:latest',
      timeoutSeconds: 300,
    });
  });

  afterAll(async () => {
    await sandbox.close();
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  it('are available when the server gives sandboxes the rights', async () => {
    const {
      available,
      setpriv_available: setpriv,
      userns_available: userns,
    } = {
      ...(await sandbox.isolation.capabilities()),
    } as Readonly<Record<string, unknown>>;
    expect({ available, setpriv, userns }).toEqual({ available: true, setpriv: true, userns: true });
  });

  it('run code once and clean up', async () => {
    const execution = await sandbox.isolation.runOnce('pwd; echo e >&2; exit 3', WORKSPACE.path);
    expect(execution.logs.stdout.map((line) => line.text)).toEqual(['/workspace', 'e']);
    expect(execution.exitCode).toBe(3);
    expect(await sandbox.isolation.list()).toEqual([]);
  });

  it('have files of their own', async () => {
    await sandbox.isolation.withSession({ workspace: WORKSPACE }, async (session) => {
      const { files } = session;
      await files.writeFiles([{ path: '/workspace/d/é.txt', data: 'one two one', mode: 644 }]);
      expect(await files.readFile('/workspace/d/é.txt')).toBe('one two one');
      expect(await files.readFile('/workspace/d/é.txt', { range: 'bytes=0-2' })).toBe('one');
      const info = await files.getFileInfo(['/workspace/d/é.txt']);
      expect(info['/workspace/d/é.txt']).toMatchObject({ mode: 644, size: 11 });
      await files.setPermissions([{ path: '/workspace/d/é.txt', mode: 600 }]);
      await files.replaceContents([{ path: '/workspace/d/é.txt', oldContent: 'one', newContent: '1' }]);
      await files.moveFiles([{ src: '/workspace/d/é.txt', dest: '/workspace/d/moved' }]);
      expect(await files.readFile('/workspace/d/moved')).toBe('1 two 1');
      expect((await files.search({ path: '/workspace', pattern: '*' })).map((file) => file.path)).toEqual([
        '/workspace/d/moved',
      ]);
      await files.createDirectories([{ path: '/workspace/made' }]);
      await files.deleteDirectories(['/workspace/made']);
      await files.deleteFiles(['/workspace/d/moved']);
      const { exitCode } = await session.run('test ! -e d/moved');
      expect(exitCode).toBe(0);
    });
    await expect(sandbox.files.readFile('/workspace/d/é.txt')).rejects.toThrow();
  });

  it('are found again by their id', async () => {
    const session = await sandbox.isolation.create({ workspace: WORKSPACE, idle_timeout_seconds: 60 });
    const again = await sandbox.isolation.attach(session.sessionId);
    expect(again.info).toMatchObject({
      workspace: { path: '/workspace', mode: 'overlay' },
      profile: 'strict',
    });
    await again.delete();
    await expect(sandbox.isolation.attach(session.sessionId)).rejects.toThrow('404');
  });
});
