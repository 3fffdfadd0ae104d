/**
 * Long runs against a real engine, which fail when open files or memory grow: sandboxes that live and die on a
 * server, an agent that is asked for much, and a server that several clients ask for everything while it and its
 * engine die now and then, and a proxy whose clients come and go, politely, rudely and slowly. Usage:
 * npm run soak [-- --only server|execd|chaos|proxy] [-- --minutes 30] [-- --width 4]
 * [-- --commands 10000] [-- --terminals 1000] [-- --fuzz-rounds 10] [-- --slow-seconds 360]
 * [-- --chaos-minutes 10] [-- --sandboxes 200] [-- --seed 7]
 * [-- --cycles 10000] [-- --clients 16] [-- --quiet-seconds 240]
 */
import { parseArgs } from 'node:util';
import { soakChaos } from './chaos.ts';
import { soakExecd } from './execd.ts';
import { fuzzProxy } from './proxy-fuzz.ts';
import { soakProxy } from './proxy.ts';
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
    'chaos-minutes': { type: 'string', default: '10' },
    sandboxes: { type: 'string', default: '200' },
    seed: { type: 'string' },
    cycles: { type: 'string', default: '10000' },
    clients: { type: 'string', default: '16' },
    'quiet-seconds': { type: 'string', default: '240' },
  },
});
const problems: string[] = [];
const isWanted = (name: string): boolean => values.only === undefined || values.only === name;
if (isWanted('execd')) {
  const wanted = {
    commands: Number(values.commands),
    terminals: Number(values.terminals),
    fuzzRounds: Number(values['fuzz-rounds']),
    slowSeconds: Number(values['slow-seconds']),
  };
  problems.push(...(await soakExecd(wanted)));
}
if (isWanted('proxy')) {
  const wanted = {
    cycles: Number(values.cycles),
    width: Number(values.clients),
    quietSeconds: Number(values['quiet-seconds']),
    slowSeconds: Number(values['slow-seconds']),
  };
  problems.push(...(await soakProxy(wanted)), ...(await fuzzProxy()));
}
if (isWanted('server')) problems.push(...(await soakServer(Number(values.minutes), Number(values.width))));
if (isWanted('chaos')) {
  // What storms break depends on the moment: a seed repeats what was asked for and when, not what it met.
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const wanted = { seed, minutes: Number(values['chaos-minutes']), sandboxes: Number(values.sandboxes) };
  console.log(`chaos: seed ${seed}`);
  problems.push(...(await soakChaos(wanted)));
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
