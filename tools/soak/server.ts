import { type Holdings, holdingsOf, oneLife } from '../../test/support/churn.ts';
import { containersOf, removeAll } from '../../test/support/docker.ts';
import { openServer } from '../../test/support/server-process.ts';

const WARM_UP_ROUNDS = 5;
const FILES_SLACK = 10;
const MEMORY_SLACK_MIB = 40;

/** Lets sandboxes live and die against a real server and engine; tells what went wrong. */
export async function soakServer(minutes: number, width: number): Promise<string[]> {
  const end = Date.now() + minutes * 60_000;
  const problems: string[] = [];
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
    if (left.length > 0) problems.push(`left behind: ${left.join(', ')}`);
  }
  console.log(
    `${rounds * width} lives; after warm-up ${JSON.stringify(base)}, at the end ${JSON.stringify(now)}`,
  );
  const grew =
    base !== undefined &&
    now !== undefined &&
    (now.files > base.files + FILES_SLACK || now.memoryMiB > base.memoryMiB + MEMORY_SLACK_MIB);
  if (grew) problems.push("the server's open files or memory grew");
  return problems;
}
