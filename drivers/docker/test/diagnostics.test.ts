import { randomBytes } from 'node:crypto';
import type { DiagnosticText, LogWish, SandboxId, SandboxSpec } from '@opensandbox/core/ports';
import { sampleRecord } from '@opensandbox/testkit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { busyboxSpec, type DockerTest, HAS_ENGINE, IMAGE, openDockerTest } from './docker-harness.ts';

const signal = new AbortController().signal;
const STAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d+Z /;
const MIB = 1 << 20;

function waitUntil(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const check = async (): Promise<void> => {
    if (!(await isSo())) throw new Error(`not yet: ${what}`);
  };
  return vi.waitFor(check, { timeout: 20_000, interval: 100 });
}

describe.skipIf(!HAS_ENGINE)('diagnostics on a Docker engine', () => {
  let test: DockerTest;

  beforeAll(async () => {
    test = await openDockerTest();
  });

  afterAll(async () => {
    await test[Symbol.asyncDispose]();
  });

  async function make(script: string, change: Partial<SandboxSpec> = {}): Promise<SandboxId> {
    const record = sampleRecord({ spec: busyboxSpec({ entrypoint: ['sh', '-c', script], ...change }) });
    await test.driver.create(record, () => undefined, signal);
    return record.id;
  }

  const name = (id: SandboxId): string => `sandbox-${id}`;

  async function ended(id: SandboxId): Promise<void> {
    await test.docker('wait', name(id));
  }

  /** A container that the driver would not make, but has to read all the same. */
  async function makeByHand(...args: readonly string[]): Promise<SandboxId> {
    const { id } = sampleRecord({});
    const labels = [
      '--label',
      `opensandbox.io/id=${id}`,
      '--label',
      `opensandbox.io/instance=${test.instance}`,
    ];
    await test.docker('create', '--name', name(id), ...labels, ...args);
    return id;
  }

  async function logs(id: SandboxId, change: Partial<LogWish> = {}): Promise<DiagnosticText> {
    const wish: LogWish = { scope: 'container', lines: 100, since: undefined, maxBytes: MIB, ...change };
    const found = await test.driver.diagnostics?.logs(id, wish, signal);
    if (found === undefined) throw new Error('the engine has nothing');
    return found;
  }

  async function eventsOf(id: SandboxId, scope: LogWish['scope'], limit = 50): Promise<DiagnosticText> {
    const found = await test.driver.diagnostics?.events(id, { scope, limit }, signal);
    if (found === undefined) throw new Error('the engine has nothing');
    return found;
  }

  async function describeOf(id: SandboxId): Promise<string> {
    return (await test.driver.diagnostics?.describe(id, signal))?.text ?? '';
  }

  /** The lines without their times. */
  const said = ({ text }: DiagnosticText): string[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => line.replace(STAMP, ''));

  describe('logs', () => {
    it('interleave both outputs, each line with its time', async () => {
      const id = await make('for i in 1 2 3; do echo out $i; sleep 0.1; echo err $i >&2; sleep 0.1; done');
      await ended(id);
      const found = await logs(id);
      expect(said(found)).toEqual(['out 1', 'err 1', 'out 2', 'err 2', 'out 3', 'err 3']);
      for (const line of found.text.trimEnd().split('\n')) expect(line).toMatch(STAMP);
      expect(found).toMatchObject({ isTruncated: false, warnings: [] });
      expect(said(await logs(id, { lines: 2 }))).toEqual(['out 3', 'err 3']);
    });

    it('show only what is young enough', async () => {
      const id = await make('echo old; sleep 2; echo new');
      await ended(id);
      const finished = await test.docker('inspect', '-f', '{{.State.FinishedAt}}', name(id));
      expect(said(await logs(id, { since: Date.parse(finished) - 1000 }))).toEqual(['new']);
      expect(said(await logs(id, { since: 0 }))).toEqual(['old', 'new']);
      expect(said(await logs(id, { since: Date.now() + 60_000 }))).toEqual([]);
    });

    it('put a long line together again that the engine cut into entries', async () => {
      const id = await make("head -c 100000 /dev/zero | tr '\\0' x; echo; echo end");
      await ended(id);
      expect(said(await logs(id)).map((line) => line.length)).toEqual([100_000, 3]);
    });

    it('replace bytes that are no UTF-8', async () => {
      for (const driver of ['json-file', 'local']) {
        const script = "printf 'a\\377\\376b\\n'; printf '\\303\\274\\n'";
        const id = await makeByHand('--log-driver', driver, IMAGE, 'sh', '-c', script);
        await test.docker('start', '-a', name(id));
        expect(said(await logs(id)), driver).toEqual(['a\ufffd\ufffdb', 'ü']);
      }
    });

    it('of a container with a terminal have no frames', async () => {
      const id = await makeByHand('-t', IMAGE, 'sh', '-c', 'echo one; echo two >&2');
      await test.docker('start', name(id));
      await ended(id);
      expect(said(await logs(id)).map((line) => line.trimEnd())).toEqual(['one', 'two']);
    });

    it('of 100 MiB cost neither time nor memory', async () => {
      const line = randomBytes(60).toString('base64');
      const id = await make(`yes ${line} | head -c ${100 * MIB}`);
      await ended(id);
      const began = performance.now();
      const rss = process.memoryUsage().rss;
      const found = await logs(id, { lines: 10_000 });
      const tookMs = performance.now() - began;
      const grownMiB = (process.memoryUsage().rss - rss) / MIB;
      console.info(`100 MiB of log: ${tookMs.toFixed(0)} ms, ${grownMiB.toFixed(1)} MiB more memory`);
      expect(Buffer.byteLength(found.text)).toBeLessThanOrEqual(MIB);
      expect(said(found).length).toBeGreaterThan(8_000);
      expect(found.isTruncated).toBe(true);
      expect(tookMs).toBeLessThan(5_000);
      expect(grownMiB).toBeLessThan(64);
    });

    it('of lines without end are cut, never read whole', async () => {
      const id = await make(`head -c ${64 * MIB} /dev/zero | tr '\\0' y; echo; echo last`);
      await ended(id);
      const found = await logs(id, { lines: 10_000, maxBytes: 200_000 });
      expect(Buffer.byteLength(found.text)).toBeLessThanOrEqual(200_000);
      expect(said(found).at(-1)).toBe('last');
      expect(found.isTruncated).toBe(true);
    });

    it('that no driver keeps are told about', async () => {
      const id = await makeByHand('--log-driver', 'none', IMAGE, 'echo', 'lost');
      await test.docker('start', '-a', name(id));
      const found = await logs(id);
      expect(found.text).toContain("log driver 'none'");
      expect(found.warnings).toHaveLength(1);
    });

    it('that the engine cuts come with a warning', async () => {
      const counting = 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done';
      const options = ['--log-driver', 'json-file', '--log-opt', 'max-size=10k', '--log-opt', 'max-file=2'];
      const id = await makeByHand(...options, IMAGE, 'sh', '-c', counting);
      await test.docker('start', name(id));
      await ended(id);
      const found = await logs(id, { lines: 10_000 });
      expect(said(found).at(-1)).toBe('20000');
      expect(said(found)[0]).not.toBe('1');
      expect(found.warnings.join()).toContain('10k');
    });

    it('of a silent or never started container are empty', async () => {
      const id = await makeByHand(IMAGE, 'true');
      expect((await logs(id)).text).toBe('');
    });

    it('are nothing when there is no container', async () => {
      const wish: LogWish = { scope: 'container', lines: 1, since: undefined, maxBytes: MIB };
      const { id } = sampleRecord({});
      expect(await test.driver.diagnostics?.logs(id, wish, signal)).toBeUndefined();
      expect(await test.driver.diagnostics?.describe(id, signal)).toBeUndefined();
    });

    it('do not keep other calls waiting', async () => {
      const id = await make(`yes | head -c ${20 * MIB}; sleep 600`);
      await waitUntil('it writes', async () => (await logs(id, { lines: 1 })).text !== '');
      const reading = Promise.all(Array.from({ length: 20 }, () => logs(id, { lines: 10_000 })));
      const began = performance.now();
      await test.driver.inspect(id, signal);
      expect(performance.now() - began).toBeLessThan(10_000);
      await reading;
    });
  });

  describe('the other texts', () => {
    it('describe a running sandbox without its secrets', async () => {
      const id = await make('sleep 600', {
        env: [
          ['PLAIN', 'shown'],
          ['MY_API_KEY', 'hidden-1'],
          ['db_password', 'hidden-2'],
          ['MONKEY', 'hidden-3'],
          ['DATABASE_URL', 'postgres://me:hidden-4@db/x'],
          ['EMPTY', ''],
        ],
        resources: { cpuMillis: 500, memoryBytes: 256 * MIB, gpus: undefined },
      });
      const text = await describeOf(id);
      expect(text).not.toContain('hidden');
      const fullId = await test.docker('inspect', '-f', '{{.Id}}', name(id));
      expect(text.split('\n').slice(0, 9)).toEqual([
        `Container ID:   ${fullId.slice(0, 12)}`,
        `Name:           sandbox-${id}`,
        `Image:          ${IMAGE}`,
        'Status:         running',
        'Running:        True',
        'Paused:         False',
        'OOMKilled:      False',
        'Exit Code:      0',
        expect.stringMatching(/^Started At: {5}\d{4}-/) as string,
      ]);
      expect(text).toContain(
        '\n\nResources:\n  CPU:          0.50 cores\n  Memory:       256 MiB\n  PIDs Limit:   4096\n\n',
      );
      expect(text).toMatch(/\n\nNetwork:\n {2}bridge: 172\.\d+\.\d+\.\d+\n\nPorts:\n {2}44772\/tcp -> 127/);
      expect(text).toContain('  PLAIN=shown\n');
      expect(text).toContain('  MY_API_KEY=***\n  db_password=***\n  MONKEY=***\n');
      expect(text).toContain('  DATABASE_URL=postgres://***@db/x\n');
      expect(text).toContain(`  opensandbox.io/id=${id}\n`);
    });

    it('hide the token of a sidecar', async () => {
      const id = await makeByHand('--label', 'opensandbox.io/egress-auth-token=t0ps3cret', IMAGE, 'true');
      const text = await describeOf(id);
      expect(text).toContain('  opensandbox.io/egress-auth-token=***\n');
      expect(text).not.toContain('t0ps3cret');
    });

    it.each([
      ['exit 3', 'Event:      Exited with code 3', 'Exit Code:      3'],
      ['killed', 'Event:      Exited with code 137', 'Exit Code:      137'],
    ])('tell how %j ended', async (script, event, fact) => {
      const isKilled = script === 'killed';
      const id = await makeByHand(IMAGE, 'sh', '-c', isKilled ? 'exec sleep 600' : script);
      await test.docker('start', name(id));
      if (isKilled) await test.docker('kill', name(id));
      await ended(id);
      const { text } = await eventsOf(id, 'container');
      expect(text).toContain(event);
      expect(text).toMatch(/^Container: {2}[0-9a-f]{12} \(sandbox-/);
      expect(text).toMatch(/\nFinished: {3}\d{4}-/);
      expect(await describeOf(id)).toContain(fact);
    });

    it('tell that memory ran out', async () => {
      const id = await make('exec dd if=/dev/zero of=/dev/null bs=512M count=1', {
        resources: { cpuMillis: undefined, memoryBytes: 16 * MIB, gpus: undefined },
      });
      await ended(id);
      expect((await eventsOf(id, 'container')).text).toContain('Event:      OOMKilled - ');
      expect(await describeOf(id)).toContain('OOMKilled:      True');
    });

    it('tell an error of the engine, and that nothing notable happened', async () => {
      const broken = await makeByHand(IMAGE, '/no/such/program');
      await test.docker('start', name(broken)).catch(() => undefined);
      expect((await eventsOf(broken, 'container')).text).toContain('Event:      Error - ');
      expect(await describeOf(broken)).toMatch(/\nError: {10}\S/);
      const fresh = await makeByHand(IMAGE, 'true');
      expect((await eventsOf(fresh, 'container')).text).toMatch(
        /Status: {5}created\nCreated: .*\n\(no notable events\)\n$/,
      );
    });

    it('tell of pauses and health checks', async () => {
      const check = [
        '--health-cmd',
        'echo checked; exit 1',
        '--health-interval',
        '1s',
        '--health-retries',
        '1',
      ];
      const id = await makeByHand(...check, IMAGE, 'sleep', '600');
      await test.docker('start', name(id));
      await waitUntil('it is unhealthy', async () =>
        (await eventsOf(id, 'container')).text.includes('Health:     unhealthy'),
      );
      expect((await eventsOf(id, 'container', 1)).text).toMatch(
        /Health: {5}unhealthy\n {2}\[[^\]]+\] exit=1 checked\n$/,
      );
      await test.docker('pause', name(id));
      expect(await describeOf(id)).toContain(
        'Status:         paused\nRunning:        True\nPaused:         True\n',
      );
      await test.docker('unpause', name(id));
    });

    it('remember what the engine did', async () => {
      const id = await make('sleep 600');
      await test.docker('exec', name(id), 'sh', '-c', 'true password=hunter2');
      await test.docker('kill', name(id));
      await ended(id);
      const runtime = await eventsOf(id, 'runtime', 500);
      const actions = runtime.text.split('\n').map((line) => line.split(' ').slice(1, 3).join(' '));
      expect(actions).toEqual(expect.arrayContaining(['runtime create', 'runtime start', 'runtime die']));
      expect(runtime.text).toContain('exitCode=137');
      expect(runtime.text).not.toContain('hunter2');
      expect((await eventsOf(id, 'network', 500)).text).toMatch(/network connect name=bridge\n/);
      expect((await eventsOf(id, 'process', 500)).text).toMatch(/runtime kill signal=9/);
    });

    it('list the processes, without arguments', async () => {
      const id = await make('sleep 654 & sleep 655');
      const found = await logs(id, { scope: 'process' });
      expect(found.text).toMatch(/^PID +PPID +STAT +ELAPSED +RSS +COMMAND\n/);
      expect(found.text).toContain('sleep\n');
      expect(found.text).not.toContain('654');
      await test.docker('kill', name(id));
      expect((await logs(id, { scope: 'process' })).text).toContain('does not run');
    });

    it('read the log of the sidecar, without its token', async () => {
      const id = await makeByHand('--label', 'opensandbox.io/egress-auth-token=t0ps3cret', IMAGE, 'true');
      expect((await logs(id, { scope: 'network' })).text).toContain('no network sidecar');
      const label = ['--label', `opensandbox.io/egress-sidecar-for=${id}`];
      const instance = ['--label', `opensandbox.io/instance=${test.instance}`];
      await test.docker('run', '-d', ...label, ...instance, IMAGE, 'echo', 'token t0ps3cret');
      await waitUntil('it wrote', async () => (await logs(id, { scope: 'network' })).text.includes('token'));
      expect(said(await logs(id, { scope: 'network' }))).toEqual(['token ***']);
    });
  });
});
