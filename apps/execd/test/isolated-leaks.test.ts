import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from './support/event-lines.ts';
import { isolatedClient, startWithRights } from './support/isolated-client.ts';
import { IMAGES, whyNoContainers } from './support/sandbox-container.ts';
import type { SandboxContainer } from './support/sandbox-container.ts';

const reason = await whyNoContainers();
if (reason !== undefined) process.stdout.write(`what isolated sessions let out is not tested: ${reason}\n`);

/** Looks for two texts in the memory of the process that answers in the session. */
const FIND = `
import os, struct
PAGE = 4096
for pid in filter(str.isdigit, os.listdir('/proc')):
    if b'isolated-serve' not in open(f'/proc/{pid}/cmdline', 'rb').read(): continue
    memory = os.open(f'/proc/{pid}/mem', os.O_RDONLY)
    pages = os.open(f'/proc/{pid}/pagemap', os.O_RDONLY)
    held = []
    for line in open(f'/proc/{pid}/maps'):
        place, rights = line.split()[:2]
        start, end = [int(part, 16) for part in place.split('-')]
        if not rights.startswith('rw'): continue
        flags = os.pread(pages, (end - start) // PAGE * 8, start // PAGE * 8)
        for index, (flag,) in enumerate(struct.iter_unpack('Q', flags)):
            if flag >> 63: held.append(os.pread(memory, PAGE, start + index * PAGE))
    content = b''.join(held)
    if b'to-be-found' in content: print('wanted')
    if b'access-' + b'secret' in content: print('secret')
`;

describe.skipIf(reason !== undefined)('isolated sessions', () => {
  const headers = { 'X-EXECD-ACCESS-TOKEN': 'access-secret' };
  let sandbox: SandboxContainer;
  let client: ReturnType<typeof isolatedClient>;
  let url: string;

  beforeAll(async () => {
    sandbox = await startWithRights(IMAGES[0], {
      // Some engines start containers like this.
      EXECD: '/usr/bin/setpriv --inh-caps +sys_admin /opt/opensandbox/execd',
    });
    await sandbox.exec('mkdir', '-p', '/workspace');
    url = await sandbox.url();
    client = isolatedClient(url);
  }, 120_000);
  afterAll(() => sandbox[Symbol.asyncDispose]());

  it('never learn the access token of those who use their files', async () => {
    const id = await client.create({ workspace: { path: '/workspace' } });
    for (let times = 0; times < 5; times += 1) {
      const path = `/v1/isolated/session/${id}/files/info?path=/workspace/to-be-found`;
      expect((await fetch(url + path, { headers })).status).toBe(404);
    }
    const { stdout } = await client.run(id, `exec python3 - << 'END'\n${FIND}\nEND`);
    expect([...new Set(stdout)]).toEqual(['wanted']);
  });

  it('have no right that the agent was only to pass on', async () => {
    const id = await client.create({ workspace: { path: '/workspace' } });
    const { stdout } = await client.run(id, 'grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status');
    for (const line of stdout) {
      expect([line, BigInt(`0x${line.split('\t')[1] ?? ''}`) & (1n << 21n)]).toEqual([line, 0n]);
    }
    expect(stdout).toHaveLength(5);
  });

  it.each(['balanced', 'strict'])(
    'cannot change what other commands of the sandbox run with (%s)',
    async (profile) => {
      await sandbox.exec('sh', '-c', 'mkdir -p /tmp/.opensandbox && echo KEPT=1 > /tmp/.opensandbox/env');
      const id = await client.create({ workspace: { path: '/workspace' }, profile });
      const attempt =
        'echo X=1 >> /tmp/.opensandbox/env; rm -rf /tmp/.opensandbox; cat /tmp/.opensandbox/env';
      expect((await client.run(id, attempt)).stdout).toContain('KEPT=1');
      expect(await sandbox.exec('cat', '/tmp/.opensandbox/env')).toBe('KEPT=1\n');
    },
  );

  it.each(['setpriv', 'userns'])('leave nothing in a /tmp that is shared (%s)', async (mode) => {
    const before = await sandbox.exec('ls', '-A', '/tmp');
    const shared = { workspace: { path: '/workspace' }, profile: 'balanced', uid: 1000, uid_mode: mode };
    const id = await client.create(shared);
    expect((await client.run(id, 'echo ran')).stdout).toEqual(['ran']);
    expect((await client.call('DELETE', `/session/${id}`)).status).toBe(200);
    expect(await sandbox.exec('ls', '-A', '/tmp')).toBe(before);
  });

  it('do not keep files open for a client that leaves in the middle of a diff', async () => {
    const id = await client.create({ workspace: { path: '/workspace' } });
    await client.run(id, 'for n in 1 2 3 4; do head -c 32M /dev/urandom > big$n; done');
    for (let times = 0; times < 5; times += 1) {
      const leaving = new AbortController();
      const answer = await fetch(`${url}/v1/isolated/session/${id}/diff`, { signal: leaving.signal });
      await answer.body?.getReader().read();
      leaving.abort();
    }
    await eventually(async () => {
      const open = await sandbox.exec('sh', '-c', 'ls -l /proc/[0-9]*/fd/ 2> /dev/null; true');
      return open.includes('/upper') ? undefined : true;
    });
  });
});
