import { describe, expect, it } from 'vitest';
import { openSession } from './support/session-client.ts';
import { IMAGES, startSandbox, whyNoContainers } from './support/sandbox-container.ts';

const missing = await whyNoContainers();
if (missing !== undefined) console.log(`skipped: ${missing}`);

const AWKWARD = '$HOME `id` "q" \'s\' \\ é \t\n\n';

describe.skipIf(missing !== undefined).each(IMAGES)('sessions in a sandbox of %s', (image) => {
  it.each<[string, string[]]>([
    ['as root', []],
    ['as another user, with nothing to write to', ['--user=4321', '--read-only']],
  ])('carry variables and directory %s', async (_name, flags) => {
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'], flags });
    const session = await openSession(await sandbox.url(), '/dev/shm/new dir');
    await session.run(`export A='${AWKWARD.replaceAll("'", "'\\''")}'; unset EXECD_ENVS; cd /dev`);
    for (let run = 0; run < 2; run += 1) {
      const { stdout, last } = await session.run('printf %s "$A"; echo "|$EXECD_ENVS|$(pwd)"');
      expect(stdout).toEqual([AWKWARD.slice(0, -2), '\n', '||/dev']);
      expect(last.type).toBe('execution_complete');
    }
  });

  it('carry bytes that are no text, without a language being set', async () => {
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'] });
    const session = await openSession(await sandbox.url(), '/tmp');
    await session.run(`unset LANG LC_ALL; d=$(printf 'x\\377y'); export A="$d"; mkdir "$d"; cd "$d"`);
    const show = 'printf %s "$A" | od -An -tx1; printf %s "${PWD##*/}" | od -An -tx1';
    for (let run = 0; run < 2; run += 1) {
      expect((await session.run(show)).stdout.map((line) => line.trim())).toEqual(['78 ff 79', '78 ff 79']);
    }
  });

  it.each([
    ['exit 7', [], '7'],
    ['set -e; false; echo no', [], '1'],
    ['sh -c "echo e >&2; exit 7"', ['e'], '7'],
    ['exec echo hi', ['hi'], undefined],
    ["trap 'echo bye' EXIT; echo hi", ['hi', 'bye'], undefined],
    ['cat <<X\na\nb\nX', ['a', 'b'], undefined],
    ['exec >/dev/null; set -x; echo hidden', [expect.stringContaining('echo hidden')], undefined],
    ['printf %s x', ['x'], undefined],
    ['ulimit -f 0; export A=1', [], undefined],
  ])('run %s', async (command, output, code) => {
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'] });
    const session = await openSession(await sandbox.url());
    const { stdout, last } = await session.run(command);
    expect(stdout).toEqual(output);
    expect(last.error?.evalue).toBe(code);
    expect((await session.run('echo ok')).stdout).toEqual(['ok']);
  });

  it('carry on without a value that no program could be started with', async () => {
    await using sandbox = await startSandbox({ image, command: ['sleep', '1000'] });
    const session = await openSession(await sandbox.url());
    const large = await session.run("export B=$(head -c 200000 /dev/zero | tr '\\0' x); cd /dev");
    expect(large.last.type).toBe('execution_complete');
    expect((await session.run('echo "${#B}"; pwd')).stdout).toEqual(['0', '/dev']);
  });
});
