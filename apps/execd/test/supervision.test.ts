import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, eventsOf, post, runCommand } from './support/event-lines.ts';
import { IMAGES, startSandbox, whyNoContainers } from './support/sandbox-container.ts';
import type { SandboxContainer } from './support/sandbox-container.ts';

const missing = await whyNoContainers();
if (missing !== undefined) process.stderr.write(`supervision tests are skipped: ${missing}\n`);

type Status = Readonly<Record<string, unknown>>;

describe.skipIf(missing !== undefined).each(IMAGES)('an agent that was killed in %s', (image) => {
  let sandbox: SandboxContainer;
  let url: string;
  beforeAll(async () => {
    sandbox = await startSandbox({ image, command: ['sleep', '600'] });
    url = await sandbox.url();
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  const inside = async (command: string): Promise<string> => (await sandbox.exec('sh', '-c', command)).trim();
  const agentPid = (): Promise<string> =>
    inside('for p in /proc/[0-9]*; do case $(readlink $p/exe) in */execd) echo ${p#/proc/};; esac; done');

  async function killAgent(): Promise<void> {
    const before = await agentPid();
    await inside(`kill -9 ${before}`);
    await eventually(async () => {
      const now = await agentPid();
      return now !== '' && now !== before ? now : undefined;
    });
    await sandbox.url();
  }
  async function statusOf(id: string): Promise<Status> {
    return (await (await fetch(`${url}/command/status/${id}`)).json()) as Status;
  }
  async function ended(id: string): Promise<Status> {
    return eventually(async () => {
      const status = await statusOf(id);
      return status['running'] === false ? status : undefined;
    });
  }
  async function logsOf(id: string): Promise<string> {
    return (await fetch(`${url}/command/${id}/logs`)).text();
  }

  it('is followed by one that knows what had ended', async () => {
    const { id } = await runCommand(url, 'echo kept; exit 7', { background: true });
    const foreground = await runCommand(url, 'exit 3');
    const before = await ended(id);
    await killAgent();
    expect(await statusOf(id)).toEqual(before);
    expect(await statusOf(foreground.id)).toMatchObject({
      running: false,
      exit_code: 3,
      error: 'exit status 3',
    });
    expect(await logsOf(id)).toBe('kept\n');
  });

  it('is followed by one that reads and notices the end of what runs, and owns up to what it does not know', async () => {
    const { id } = await runCommand(url, 'echo one; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo two', {
      background: true,
    });
    await killAgent();
    const running = await statusOf(id);
    expect(running).toMatchObject({ running: true });
    expect(running).not.toHaveProperty('exit_code');
    expect(await logsOf(id)).toBe('one\n');
    await inside('touch /tmp/go');
    const last = await ended(id);
    expect(last['error']).toContain('lost');
    expect(last).not.toHaveProperty('exit_code');
    expect(last['finished_at']).toBeDefined();
    expect(await logsOf(id)).toBe('one\ntwo\n');
  });

  it('is followed by one that interrupts what runs, and keeps to its time limit', async () => {
    const endless = await runCommand(url, 'sleep 300', { background: true });
    const limited = await runCommand(url, 'sleep 300', { background: true, timeout: 4000 });
    await killAgent();
    const answer = await fetch(`${url}/command?id=${endless.id}`, { method: 'DELETE' });
    expect(answer.status).toBe(200);
    await ended(endless.id);
    await ended(limited.id);
    expect(await inside('ps 2>/dev/null | grep -c "[s]leep 300" || true')).toBe('0');
  });

  it('takes no foreground command down, and what that prints is read by its successor', async () => {
    const command =
      'echo ready; while [ ! -e /tmp/on ]; do sleep 0.1; done; head -c 3000000 /dev/zero; touch /tmp/survived';
    const response = await post(url, '/command', { command });
    const events = eventsOf(response);
    for await (const event of events) if (event.type === 'stdout') break;
    await killAgent();
    await inside('touch /tmp/on');
    await eventually(async () => {
      return (await inside('ls /tmp/survived 2>/dev/null || true')) === '' ? undefined : true;
    });
    await eventually(async () =>
      (await inside('find /tmp/opensandbox-execd-* -type p')) === '' ? true : undefined,
    );
  });

  it('leaves no zombies', async () => {
    await runCommand(url, '(sleep 0.1 & ) ; (true & )');
    await eventually(async () => {
      return (await inside('cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z " || true')) === '0'
        ? true
        : undefined;
    });
  });
});
