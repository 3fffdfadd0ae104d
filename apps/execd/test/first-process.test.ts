import { describe, expect, it } from 'vitest';
import { eventually, runCommand } from './support/event-lines.ts';
import { startSandbox, whyNoContainers } from './support/sandbox-container.ts';

const missing = await whyNoContainers();
if (missing !== undefined) console.log(`skipped: ${missing}`);

const HOME = '/opt/opensandbox';
const SCRIPT = `${HOME}/bootstrap.sh`;
const SHELLS: readonly { readonly shell: string; readonly image: string; readonly entrypoint: string[] }[] = [
  { shell: 'dash', image: 'opensandbox-demo:latest', entrypoint: ['/bin/dash', SCRIPT] },
  { shell: 'bash', image: 'opensandbox-demo:latest', entrypoint: ['/bin/bash', SCRIPT] },
  { shell: 'bash as sh', image: 'opensandbox-demo:latest', entrypoint: ['/bin/bash', '--posix', SCRIPT] },
  { shell: 'busybox ash', image: 'opensandbox-test/busybox:latest', entrypoint: ['/bin/sh', SCRIPT] },
  {
    shell: "the agent's own shell",
    image: 'opensandbox-test/busybox:latest',
    entrypoint: [`${HOME}/lib/ld.so`, '--library-path', `${HOME}/lib`, `${HOME}/lib/sh`, SCRIPT],
  },
];
/** Programs that leave their parents at once, and so become children of the first process. */
const DAEMONS = 'i=0; while [ $i -lt 200 ]; do (sleep 0.1 &); (true &); i=$((i+1)); done';
const STATES = "cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | cut -c1; true";

describe.skipIf(missing !== undefined).concurrent.each(SHELLS)(
  'with $shell as first process',
  ({ image, entrypoint }) => {
    it('nothing that has ended stays behind, whoever abandoned it', async () => {
      const command = ['sh', '-c', `${DAEMONS}; exec sleep 1000`];
      await using sandbox = await startSandbox({ image, entrypoint, command });
      const url = await sandbox.url();
      await runCommand(url, DAEMONS);
      await eventually(async () => {
        const names = await sandbox.exec('sh', '-c', 'cat /proc/[0-9]*/comm; true');
        const { stdout } = await runCommand(url, STATES);
        const isQuiet = (names.match(/^sleep$/gm) ?? []).length === 1;
        return isQuiet && stdout.length > 3 && !stdout.includes('Z') ? true : undefined;
      });
    });

    it('the status of the command is not lost among those of others', async () => {
      const command = ['sh', '-c', `${DAEMONS}; exit 5`];
      await using sandbox = await startSandbox({ image, entrypoint, command });
      expect(await sandbox.status()).toBe(5);
    });

    it.each([
      ['TERM', 0],
      ['INT', 130],
    ])('%s reaches the command and the sandbox ends with %i', async (signal, status) => {
      await using sandbox = await startSandbox({ image, entrypoint, command: ['sleep', '1000'] });
      await sandbox.url();
      await sandbox.kill(signal);
      expect(await sandbox.status()).toBe(status);
    });

    it.each<[string, string[], Record<string, string>]>([
      ['BOOTSTRAP_CMD', ['ignored'], { BOOTSTRAP_CMD: 'true && echo one two; exit 5' }],
      ['-c and its words', ['-c', 'true &&', 'echo one two; exit 5'], {}],
      ['arguments', ['sh', '-c', 'echo "$0"; exit 5', 'one two'], {}],
    ])('the command may be given as %s', async (_name, command, env) => {
      await using sandbox = await startSandbox({ image, entrypoint, command, env });
      expect(await sandbox.status()).toBe(5);
      expect(await sandbox.logs()).toContain('one two\n');
    });
  },
);
