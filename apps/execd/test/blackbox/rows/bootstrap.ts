import { expect } from 'vitest';
import type { Row } from '../row.ts';
import type { Ended, Site } from '../site.ts';

const SCRIPT = '/opt/opensandbox/bootstrap.sh';
/** An agent would stay behind where the script is not the first process. */
const NO_AGENT = '/no/agent';
const WAY = 'the script is started from outside, not by the agent';

/** Starts what starts a sandbox once more, inside the sandbox. */
function bootstrap(
  site: Site,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return site.exec([SCRIPT, ...words], { EXECD: NO_AGENT, ...env });
}

const STARTS: readonly (readonly [string, readonly string[], Readonly<Record<string, string>>])[] = [
  ['BOOTSTRAP_CMD', ['ignored'], { BOOTSTRAP_CMD: 'true && echo "one  two"; exit 5' }],
  ['-c and a text', ['-c', 'true && echo "one  two"; exit 5'], {}],
  ['a program and its arguments', ['sh', '-c', 'echo "one  two"; exit 5'], {}],
];

export const BOOTSTRAP: readonly Row[] = [
  ...STARTS.map(([what, words, env], index): Row => {
    return {
      key: `T94-${index}`,
      oneWay: WAY,
      name: `the sandbox runs ${what} and ends with its status`,
      async run(site) {
        const { status, output } = await bootstrap(site, words, env);
        expect(output).toContain('one  two\n');
        expect(status).toBe(5);
      },
    };
  }),
  {
    key: 'T94-none',
    oneWay: WAY,
    name: 'the sandbox runs a bare shell when nothing is given, which ends with its input',
    run: async (site) => expect((await bootstrap(site, [])).status).toBe(0),
  },
  {
    key: 'T94-script',
    oneWay: WAY,
    name: 'what a script before it exports reaches the command',
    async run(site) {
      const directory = await site.directory();
      const script = `${directory}/pre.sh`;
      await site.exec(['sh', '-c', `echo 'export GIVEN="by the script"' > ${script}`]);
      const words = ['-c', 'echo "$GIVEN"'];
      const { output } = await bootstrap(site, words, { EXECD_BOOTSTRAP_PRE_SCRIPT: script });
      expect(output).toContain('by the script\n');
    },
  },
  {
    key: 'T94-term',
    oneWay: WAY,
    name: 'a request to end reaches the command, and the sandbox ends well',
    async run(site) {
      const mark = `${await site.directory()}/started`;
      const command = `trap "echo asked; exit 9" TERM; : > ${mark}; while :; do sleep 0.1; done`;
      const start = `${SCRIPT} sh -c '${command}' & pid=$!`;
      const wait = `while [ ! -e ${mark} ]; do sleep 0.1; done; kill -TERM $pid; wait $pid; echo "status $?"`;
      const { output } = await site.exec(['sh', '-c', `${start}; ${wait}`], { EXECD: NO_AGENT });
      expect(output).toContain('asked\n');
      expect(output).toContain('status 0\n');
    },
  },
];
