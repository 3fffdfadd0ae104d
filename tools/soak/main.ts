/**
 * Long runs against a real engine, which fail when open files or memory grow: sandboxes that live and die on a
 * server, and an agent that is asked for much. Usage: npm run soak [-- --only server|execd] [-- --minutes 30]
 * [-- --width 4] [-- --commands 10000] [-- --terminals 1000] [-- --fuzz-rounds 10] [-- --slow-seconds 360]
 */
import { parseArgs } from 'node:util';
import { soakExecd } from './execd.ts';
import { soakServer } from './server.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    minutes: { type: 'string', default: '30' },
    width: { type: 'string', default: '4' },
    commands: { type: 'string', default: '10000' },
    terminals: { type: 'string', default: '1000' },
    'fuzz-rounds': { type: 'string', default: '10' },
    'slow-seconds': { type: 'string', default: '360' },
  },
});
const problems: string[] = [];
if (values.only !== 'server') {
  const wanted = {
    commands: Number(values.commands),
    terminals: Number(values.terminals),
    fuzzRounds: Number(values['fuzz-rounds']),
    slowSeconds: Number(values['slow-seconds']),
  };
  problems.push(...(await soakExecd(wanted)));
}
if (values.only !== 'execd')
  problems.push(...(await soakServer(Number(values.minutes), Number(values.width))));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
