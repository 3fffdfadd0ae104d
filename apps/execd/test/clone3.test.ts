import { describe, expect, it } from 'vitest';
import { spawnAgent } from './support/agent-process.ts';
import { runCommand } from './support/event-lines.ts';
import { startSandbox, whyNoContainers } from './support/sandbox-container.ts';

const missing = await whyNoContainers();
if (missing !== undefined) console.log(`skipped: ${missing}`);

/** The engine's own filter refuses the call to some containers, too. */
const flags = ['--security-opt=seccomp=unconfined'];
const CALL =
  'import ctypes; c = ctypes.CDLL(None, use_errno=True); c.syscall(435, 0, 0); print(ctypes.get_errno())';
const EINVAL = '22';
const ENOSYS = '38';
/** Of all threads of the agent, and of the command itself. */
const STATES = 'cat /proc/$PPID/task/*/status /proc/self/status | grep -E "^(Seccomp|NoNewPrivs):" | sort -u';

function start(value: string) {
  const image = 'opensandbox-demo:latest';
  return startSandbox({ image, command: ['sleep', '1000'], env: { EXECD_CLONE3_COMPAT: value }, flags });
}

describe.skipIf(missing !== undefined)('EXECD_CLONE3_COMPAT', () => {
  it.each(['1', ' Yes ', 'reexec'])('%j makes the kernel deny that it has clone3', async (value) => {
    await using sandbox = await start(value);
    const url = await sandbox.url();
    expect((await runCommand(url, `python3 -c '${CALL}'`)).stdout).toEqual([ENOSYS]);
    expect((await runCommand(url, STATES)).stdout).toEqual(['NoNewPrivs:\t1', 'Seccomp:\t2']);
    const threads =
      'import threading; t = threading.Thread(target=print, args=("ran",)); t.start(); t.join()';
    expect((await runCommand(url, `python3 -c '${threads}'`)).stdout).toEqual(['ran']);
  });

  it('off leaves everything as it is', async () => {
    await using sandbox = await start('off');
    const url = await sandbox.url();
    expect((await runCommand(url, `python3 -c '${CALL}'`)).stdout).toEqual([EINVAL]);
    expect((await runCommand(url, STATES)).stdout).toEqual(['NoNewPrivs:\t0', 'Seccomp:\t0']);
  });

  it('reexec starts the agent anew as the same process', async () => {
    await using sandbox = await start('reexec');
    const url = await sandbox.url();
    expect((await sandbox.logs()).match(/agent.listening/g)).toHaveLength(1);
    const applied = "tr '\\0' '\\n' </proc/$PPID/environ | grep _EXECD_CLONE3";
    expect((await runCommand(url, applied)).stdout).toEqual(['_EXECD_CLONE3_COMPAT_APPLIED=1']);
  });
});

describe('an agent with an EXECD_CLONE3_COMPAT that means nothing', () => {
  it('says so on standard error and ends with 1', async () => {
    const child = spawnAgent({ env: { EXECD_CLONE3_COMPAT: 'maybe' } });
    let said = '';
    child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining('"maybe"') as unknown });
  });
});
