import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { builtForContainers } from './support/built-agent.ts';
import { eventually, runCommand } from './support/event-lines.ts';
import { IMAGES, startSandbox, whyNoContainers } from './support/sandbox-container.ts';
import type { SandboxContainer } from './support/sandbox-container.ts';

const missing = await whyNoContainers();
if (missing !== undefined) console.log(`skipped: ${missing}`);

const files = mkdtempSync(join(tmpdir(), 'execd-bootstrap-'));
afterAll(() => rmSync(files, { recursive: true, force: true }));

async function logged(sandbox: SandboxContainer, text: string): Promise<void> {
  await eventually(async () => ((await sandbox.logs()).includes(text) ? true : undefined));
}

describe.skipIf(missing !== undefined).each(IMAGES)('a sandbox of %s', (image) => {
  it('has an agent that answers, runs commands and keeps its variables file', async () => {
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'] });
    const url = await sandbox.url();
    const { stdout } = await runCommand(url, 'echo "$EXECD_ENVS"; echo A=b >"$EXECD_ENVS"; id -u');
    expect(stdout).toEqual(['/opt/opensandbox/.env', '0']);
    expect((await runCommand(url, 'echo $A')).stdout).toEqual(['b']);
    expect((await runCommand(url, 'id -u; id -G', { uid: 4321 })).stdout).toEqual(['4321', '4321']);
    const agent = (await runCommand(url, 'echo $PPID')).stdout[0] ?? '';
    const maps = await sandbox.exec('cat', `/proc/${agent}/maps`);
    const libraries = new Set(maps.match(/\S+\/(?:lib|ld)[^/\s]*\.so[.\d]*$/gm));
    expect([...libraries].every((path) => path.startsWith('/opt/opensandbox/lib/'))).toBe(true);
    expect(libraries.size).toBeGreaterThanOrEqual(3);
  });

  it.each<[string, string[], Record<string, string>]>([
    ['arguments', ['sh', '-c', 'echo one two; exit 5'], {}],
    ['-c and words', ['-c', 'echo', 'one', 'two;', 'exit', '5'], {}],
    ['-c and one text', ['-c', 'true && echo one two; exit 5'], {}],
    ['BOOTSTRAP_CMD', ['ignored'], { BOOTSTRAP_CMD: 'echo one two; exit 5' }],
    ['BOOTSTRAP_SHELL', ['-c', 'echo one two; exit 5'], { BOOTSTRAP_SHELL: '/bin/sh' }],
  ])('runs the command given as %s and ends with its status', async (_name, command, env) => {
    await using sandbox = await startSandbox({ image, command, env });
    expect(await sandbox.status()).toBe(5);
    expect(await sandbox.logs()).toContain('one two\n');
  });

  it('ends with 127 when there is no such command, and at once when a bare shell has no input', async () => {
    await using unknown = await startSandbox({ image, command: ['no-such-command'] });
    expect(await unknown.status()).toBe(127);
    await using bare = await startSandbox({ image });
    expect(await bare.status()).toBe(0);
  });

  it('forwards TERM to the command, waits for it and ends with 0', async () => {
    const command = [
      'sh',
      '-c',
      "trap 'sleep 0.3; echo bye; exit 9' TERM; echo up; while :; do sleep 0.1; done",
    ];
    await using sandbox = await startSandbox({ image, command });
    await logged(sandbox, 'up\n');
    await sandbox.kill('TERM');
    expect(await sandbox.status()).toBe(0);
    expect(await sandbox.logs()).toContain('bye\n');
  });

  it('forwards INT to the command, which can handle it or dies of it', async () => {
    const handling = "trap 'echo interrupted; exit 3' INT; echo up; while :; do sleep 0.1; done";
    await using handler = await startSandbox({ image, command: ['sh', '-c', handling] });
    await logged(handler, 'up\n');
    await handler.kill('INT');
    expect(await handler.status()).toBe(3);
    expect(await handler.logs()).toContain('interrupted\n');
    await using sleeper = await startSandbox({ image, command: ['sh', '-c', 'echo up; exec sleep 1000'] });
    await logged(sleeper, 'up\n');
    await sleeper.kill('INT');
    expect(await sleeper.status()).toBe(130);
  });

  it('has no signal ignored in the command, nor in commands of the agent', async () => {
    const ignored = 'grep SigIgn /proc/self/status | cut -f 2';
    await using sandbox = await startSandbox({ image, command: ['sh', '-c', `${ignored}; sleep 1000`] });
    await logged(sandbox, `${'0'.repeat(16)}\n`);
    expect((await runCommand(await sandbox.url(), ignored)).stdout).toEqual(['0'.repeat(16)]);
  });

  it('leaves the variables of the command as they are', async () => {
    const env = { HOME_DIR: '1', CA_CERT: '2', RUNTIME_DIR: '3', child: '4', shell: '5', script: '6' };
    const command = ['sh', '-c', 'echo $HOME_DIR $CA_CERT $RUNTIME_DIR $child $shell $script'];
    await using sandbox = await startSandbox({ image, command, env });
    await sandbox.status();
    expect(await sandbox.logs()).toContain('1 2 3 4 5 6\n');
  });

  it.each([
    ['a path', './own'],
    ['a name in PATH', 'own'],
  ])('runs a script that names no interpreter, given as %s', async (_name, program) => {
    const script = join(files, 'own');
    writeFileSync(script, 'echo "$@"; exit 5\n', { mode: 0o755 });
    const flags = [`--volume=${script}:/own/own:ro`, '--workdir=/own'];
    const env = { PATH: '/own:/bin:/usr/bin' };
    await using sandbox = await startSandbox({ image, command: [program, 'a b', 'c'], flags, env });
    expect(await sandbox.status()).toBe(5);
    expect(await sandbox.logs()).toContain('a b c\n');
  });

  it('gives what a pre-script exports to the agent and to the command', async () => {
    const script = join(files, 'pre.sh');
    writeFileSync(script, 'export FROM_SCRIPT=yes\necho IN_FILE=too >>"$EXECD_ENVS"\n');
    await using sandbox = await startSandbox({
      image,
      command: ['sh', '-c', 'echo "command: $FROM_SCRIPT"; sleep 1000'],
      env: { EXECD_BOOTSTRAP_PRE_SCRIPT: '/pre.sh' },
      flags: [`--volume=${script}:/pre.sh:ro`],
    });
    const { stdout } = await runCommand(await sandbox.url(), 'echo $FROM_SCRIPT $IN_FILE');
    expect(stdout).toEqual(['yes too']);
    await logged(sandbox, 'command: yes\n');
  });

  it('warns of a pre-script that is not there', async () => {
    const env = { EXECD_BOOTSTRAP_PRE_SCRIPT: '/nowhere.sh' };
    await using sandbox = await startSandbox({ image, command: ['true'], env });
    expect(await sandbox.status()).toBe(0);
    expect(await sandbox.logs()).toContain('/nowhere.sh');
  });

  it('starts the agent again when it dies', async () => {
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'] });
    const url = await sandbox.url();
    const before = (await runCommand(url, 'echo $PPID')).stdout[0] ?? '';
    await sandbox.exec('sh', '-c', `kill -9 ${before}`);
    await logged(sandbox, 'starting it again');
    const after = (await runCommand(await sandbox.url(), 'echo $PPID')).stdout[0];
    expect(after).not.toBe(before);
  });

  it('leaves no zombies of what its commands abandon', async () => {
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'] });
    const url = await sandbox.url();
    for (let round = 0; round < 5; round += 1) await runCommand(url, '(sleep 0.1 &) ; true');
    const states = "for p in /proc/[0-9]*; do cat $p/stat; done 2>/dev/null | sed 's/.*) //' | cut -c1";
    await eventually(async () => {
      const { stdout } = await runCommand(url, states);
      const sleepers =
        (await sandbox.exec('sh', '-c', 'cat /proc/[0-9]*/comm 2>/dev/null; true')).match(/^sleep$/gm) ?? [];
      return stdout.includes('Z') || sleepers.length > 1 ? undefined : true;
    });
  });

  it('works for a user who may write nowhere but in /tmp', async () => {
    const flags = ['--user=1234:1234', '--tmpfs=/tmp:uid=1234,gid=1234', '--read-only'];
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'], flags });
    const { stdout } = await runCommand(await sandbox.url(), 'id -u; touch "$EXECD_ENVS" && echo file');
    expect(stdout).toEqual(['1234', 'file']);
    const refused = await runCommand(await sandbox.url(), 'id', { uid: 1 });
    expect(refused.last.error?.evalue).toContain('operation not permitted');
  });

  it('works where the directory is an ordinary one', async () => {
    const copy = join(files, `copy-${image.replace(/\W/g, '-')}`);
    cpSync(builtForContainers(), copy, { recursive: true, verbatimSymlinks: true });
    rmSync(join(copy, '.env'));
    const layout = `${copy}:/opt/opensandbox`;
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'], layout });
    const { stdout } = await runCommand(
      await sandbox.url(),
      '[ -L /opt/opensandbox/.env ] || touch /opt/opensandbox/.env && echo file',
    );
    expect(stdout).toEqual(['file']);
  });

  it('keeps loader variables of the image from the agent and gives them to commands', async () => {
    const env = { LD_LIBRARY_PATH: '/lib:/usr/lib', LD_PRELOAD: '/no/such/library.so', BUN_BE_BUN: '1' };
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'], env });
    const { stdout } = await runCommand(await sandbox.url(), 'echo $LD_LIBRARY_PATH $LD_PRELOAD $BUN_BE_BUN');
    expect(stdout).toEqual(['/lib:/usr/lib /no/such/library.so 1']);
  });

  it('keeps the access token from the command', async () => {
    await using sandbox = await startSandbox({
      image,
      command: ['sh', '-c', 'echo "token: <$EXECD_ACCESS_TOKEN>"'],
      env: { EXECD_ACCESS_TOKEN: 'a-long-secret-token' },
    });
    await sandbox.status();
    expect(await sandbox.logs()).toContain('token: <>');
  });

  it('leaves the access token where no command can read it, also after the agent was started again', async () => {
    const token = 'a-long-secret-token';
    const command = ['sleep', '600'];
    await using sandbox = await startSandbox({ image, command, env: { EXECD_ACCESS_TOKEN: token } });
    const address = await sandbox.address();
    const headers = { 'X-EXECD-ACCESS-TOKEN': token };
    const run = async (text: string): Promise<string> => {
      const body = JSON.stringify({ command: text });
      const response = await fetch(`${address}/command`, { method: 'POST', headers, body });
      return response.text();
    };
    const isUp = async (): Promise<true | undefined> => {
      const answer = await fetch(`${address}/ping`, { headers }).catch(() => undefined);
      return answer?.ok === true ? true : undefined;
    };
    for (const round of ['first', 'second']) {
      await eventually(isUp);
      expect((await fetch(`${address}/ping`)).status).toBe(401);
      const told = await run(
        "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; echo done",
      );
      expect(told).toContain('PATH=');
      expect(told).toContain('"done"');
      expect(told).not.toContain(token);
      if (round === 'first') await run('kill -9 $PPID').catch(() => '');
    }
  });

  it('waits for the certificate of its proxy and trusts it', async () => {
    const command = ['sh', '-c', 'echo "$NODE_EXTRA_CA_CERTS $SSL_CERT_FILE"; tail -n 1 "$SSL_CERT_FILE"'];
    const env = { OPENSANDBOX_EGRESS_MITMPROXY_TRANSPARENT: 'True' };
    await using sandbox = await startSandbox({ image, command, env });
    const place = '/tmp/.opensandbox';
    await sandbox.exec('sh', '-c', `mkdir -p ${place}; echo CERTIFICATE >${place}/mitmproxy-ca-cert.pem`);
    expect(await sandbox.status()).toBe(0);
    const printed = await sandbox.logs();
    expect(printed).toContain('/opt/opensandbox/mitmproxy-ca-cert.pem /opt/opensandbox/m');
    expect(printed).toContain('CERTIFICATE\n');
  });
});
