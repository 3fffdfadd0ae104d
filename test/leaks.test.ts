import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { docker } from './support/docker.ts';
import { ALLOWED } from './support/leaks/allowed.ts';
import { differences } from './support/leaks/compare.ts';
import { type LeakWatch, openLeakWatch } from './support/leaks/leak-watch.ts';
import { engineSocket } from './support/leaks/settings.ts';
import type { Thing, ThingKind } from './support/leaks/thing.ts';
import { until } from './support/wait.ts';

const run = promisify(execFile);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const IMAGE = 'opensandbox-test/busybox:latest';
const unique = randomBytes(4).toString('hex');
const NAME = `opensandbox-leak-${unique}`;
const MARK = `OPENSANDBOX_LEAK_TEST=${unique}`;

/** Makes something; the returned function takes it back. */
type Make = () => Promise<() => Promise<unknown>>;

function watch(patienceMs: number): Promise<LeakWatch> {
  return openLeakWatch({
    socket: engineSocket(process.env),
    family: { root: process.pid, mark: MARK },
    patienceMs,
    // Others may use the machine at the same time: what is not this test's own is not looked at.
    allowed: [...ALLOWED, ...KINDS.map((kind) => ({ kind, name: OTHERS, reason: 'made by others' }))],
  });
}

const KINDS: readonly ThingKind[] = [
  'container', 'network', 'volume', 'image', 'image tag', 'mount', 'file', 'network link', 'control group',
]; // prettier-ignore
const OTHERS = new RegExp(`^(?!.*(${unique}|^[0-9a-f]{64}$|no name))`);

/** A child that has lost its parent, and carries nothing but its environment. */
async function orphan(): Promise<() => Promise<unknown>> {
  const [name = '', value] = MARK.split('=');
  const script = 'sleep 600 >/dev/null 2>&1 & echo $!';
  const { stdout } = await run('sh', ['-c', script], { env: { ...process.env, [name]: value } });
  return async () => process.kill(Number(stdout), 'SIGKILL');
}

async function listen(place: string | number): Promise<() => Promise<unknown>> {
  const server = createServer().listen(place);
  await once(server, 'listening');
  return () => new Promise((done) => server.close(done));
}

const LEAKS: readonly (readonly [kind: ThingKind, name: string, make: Make])[] = [
  ['container', NAME, async () => {
    await docker('create', '--name', NAME, IMAGE, 'true');
    return () => docker('rm', '-f', NAME);
  }],
  ['network', NAME, async () => {
    await docker('network', 'create', NAME);
    return () => docker('network', 'rm', NAME);
  }],
  ['volume', NAME, async () => {
    await docker('volume', 'create', NAME);
    return () => docker('volume', 'rm', NAME);
  }],
  ['volume', 'volume [0-9a-f]{64}', async () => {
    await docker('create', '--name', NAME, '--volume', '/data', IMAGE, 'true');
    const format = '{{range .Mounts}}{{.Name}}{{end}}';
    const volume = await docker('inspect', '--format', format, NAME);
    await docker('rm', '-f', NAME);
    return () => docker('volume', 'rm', volume);
  }],
  ['image tag', `${NAME}:latest`, async () => {
    await docker('tag', IMAGE, NAME);
    return () => docker('rmi', NAME);
  }],
  ['image', 'no name', async () => {
    await docker('create', '--name', NAME, IMAGE, 'true');
    const image = await docker('commit', '--change', `LABEL test=${unique}`, NAME);
    await docker('rm', '-f', NAME);
    return () => docker('rmi', image);
  }],
  ['mount', NAME, async () => {
    const place = mkdtempSync(join(tmpdir(), NAME));
    await run('mount', ['-t', 'tmpfs', 'tmpfs', place]);
    return async () => {
      await run('umount', [place]);
      rmdirSync(place);
    };
  }],
  ['file', NAME, async () => {
    const file = join(tmpdir(), NAME);
    writeFileSync(file, '');
    return async () => rmSync(file);
  }],
  ['process', 'sleep 600', orphan],
  ['network namespace', NAME, async () => {
    await run('ip', ['netns', 'add', NAME]);
    return () => run('ip', ['netns', 'del', NAME]);
  }],
  ['network link', `l${unique}`, async () => {
    await run('ip', ['link', 'add', `l${unique}`, 'type', 'veth', 'peer', 'name', `p${unique}`]);
    return () => run('ip', ['link', 'del', `l${unique}`]);
  }],
  ['control group', NAME, async () => {
    const group = join(existsSync('/sys/fs/cgroup/memory') ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup', NAME);
    mkdirSync(group);
    return async () => rmdirSync(group);
  }],
  ['listening socket', 'tcp6? port \\d+', () => listen(0)],
  ['listening socket', `unix .*${NAME}`, () => listen(join(tmpdir(), `${NAME}.sock`))],
]; // prettier-ignore

describe('the watch for what tests leave behind', () => {
  it.each(LEAKS)('finds a %s named %s, and is content when it is gone', async (kind, name, make) => {
    const { assertNothingLeft } = await watch(0);
    const takeBack = await make();
    const found = await assertNothingLeft().catch((error: unknown) => String(error));
    await takeBack();
    expect(found).toMatch(new RegExp(`left behind: ${kind} .*${name.replace(/^volume /, '')}`));
    const { assertNothingLeft: later } = await watch(0);
    await expect(later()).resolves.toBeUndefined();
    await expect(until('it is gone', 5000, () => assertNothingLeft().then(() => true, () => false))).resolves.toBe(true); // prettier-ignore
  });

  it('waits for what is on its way out', async () => {
    const { assertNothingLeft } = await watch(10_000);
    const child = spawn('sleep', ['0.7'], { stdio: 'ignore' });
    await once(child, 'spawn');
    await expect(assertNothingLeft()).resolves.toBeUndefined();
    expect(child.exitCode).toBe(0);
  });

  it('tells what was taken away from the engine', async () => {
    await docker('volume', 'create', NAME);
    const { assertNothingLeft } = await watch(0);
    await docker('volume', 'rm', NAME);
    await expect(assertNothingLeft()).rejects.toThrow(`taken away: volume ${NAME}`);
  });
});

describe('differences between two readings', () => {
  const thing = (kind: ThingKind, name: string, key = name): Thing => ({ kind, key, name });

  it('are all named, in order', () => {
    const before = [thing('image tag', 'kept'), thing('container', 'gone'), thing('process', '7 ended')];
    const after = [thing('image tag', 'kept'), thing('volume', 'b'), thing('file', 'a')];
    expect(differences(before, after, [])).toEqual([
      'left behind: file a',
      'left behind: volume b',
      'taken away: container gone',
    ]);
  });

  it('do not count what changed its description, and count a successor of the same name', () => {
    expect(
      differences([thing('container', 'c (Up)', '1')], [thing('container', 'c (Exited)', '1')], []),
    ).toEqual([]);
    expect(differences([thing('container', 'c', '1')], [thing('container', 'c', '2')], [])).toHaveLength(2);
  });

  it('leave out what is allowed, for this kind alone', () => {
    const volume = thing('volume', 'opensandbox-agent-0123456789abcdef');
    expect(differences([], [volume], ALLOWED)).toEqual([]);
    expect(differences([volume], [], ALLOWED)).toEqual([]);
    expect(differences([], [{ ...volume, kind: 'container' }], ALLOWED)).toHaveLength(1);
    expect(differences([], [thing('volume', `${volume.name}-copy`)], ALLOWED)).toHaveLength(1);
  });
});

describe('a run of test files', () => {
  /** The result of one file of the fixture, run with the set-up of the real projects. */
  async function runFile(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const config = join(root, 'test/support/leaks/fixture/vitest.config.ts');
    const file = join(tmpdir(), `${NAME}-file`);
    const options = {
      env: {
        ...process.env,
        LEAK_FILE: file,
        NO_COLOR: '1',
        OPENSANDBOX_LEAK_CHECK: 'on',
        OPENSANDBOX_LEAK_WAIT_MS: '3000',
        ...env,
      },
    };
    const { stdout, stderr, code } = await run(
      process.execPath,
      [vitest, 'run', '--config', config, name],
      options,
    )
      .then((all) => ({ ...all, code: 0 }))
      .catch((error: unknown) => error as { stdout: string; stderr: string; code: number });
    rmSync(file, { force: true });
    return `${stdout}${stderr}exit ${code}`;
  }

  it('fails the file that leaves something behind, although its tests pass', async () => {
    const output = await runFile('untidy');
    expect(output).toContain(`left behind: file ${join(tmpdir(), NAME)}-file`);
    expect(output).toMatch(/1 passed[^]*exit 1$/);
  });

  it('fails the one test, in a file that is compared after each', async () => {
    expect(await runFile('each')).toMatch(/1 failed \| 1 passed[^]*left behind[^]*exit 1$/);
  });

  it('passes when a file takes back what it made in its hooks', async () => {
    expect(await runFile('careful')).toMatch(/exit 0$/);
  });

  it('says that nothing is looked for when it is off', async () => {
    const output = await runFile('untidy', { OPENSANDBOX_LEAK_CHECK: 'off' });
    expect(output.match(/OPENSANDBOX_LEAK_CHECK=off/g)).toHaveLength(1);
    expect(output).toMatch(/exit 0$/);
  });
});
