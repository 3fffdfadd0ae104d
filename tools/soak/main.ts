/**
 * Lets sandboxes live and die against a real server and engine, and fails when the server's open files or
 * memory grow. Usage: npm run soak [-- --minutes 30] [-- --width 4]
 */
import { parseArgs } from 'node:util';
import { type Holdings, holdingsOf, oneLife } from '../../test/support/churn.ts';
import { containersOf, removeAll } from '../../test/support/docker.ts';
import { openServer } from '../../test/support/server-process.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, width: { type: 'string', default: '4' } },
});
const end = Date.now() + Number(values.minutes) * 60_000;
const width = Number(values.width);
const WARM_UP_ROUNDS = 5;
const FILES_SLACK = 10;
const MEMORY_SLACK_MIB = 40;

await using server = await openServer();
await server.start();
let base: Holdings | undefined;
let now: Holdings | undefined;
let rounds = 0;
try {
  while (Date.now() < end) {
    await Promise.all(Array.from({ length: width }, () => oneLife(server)));
    rounds += 1;
    now = holdingsOf(server.pid());
    if (rounds === WARM_UP_ROUNDS) base = now;
    if (rounds % 10 === 0) console.log(`${rounds * width} lives, ${now.files} files, ${now.memoryMiB} MiB`);
  }
} finally {
  await server.stop();
  const left = await containersOf(server.instance);
  await removeAll(server.instance);
  if (left.length > 0) {
    console.error(`left behind: ${left.join(', ')}`);
    process.exitCode = 1;
  }
}
const grew = base !== undefined && now !== undefined
  && (now.files > base.files + FILES_SLACK || now.memoryMiB > base.memoryMiB + MEMORY_SLACK_MIB); // prettier-ignore
console.log(
  `${rounds * width} lives; after warm-up ${JSON.stringify(base)}, at the end ${JSON.stringify(now)}`,
);
if (grew) {
  console.error('open files or memory grew');
  process.exitCode = 1;
}
