import { expect } from 'vitest';
import { eventsOf, post, runCommand } from '../../support/event-lines.ts';
import type { StreamEvent } from '../../support/event-lines.ts';
import { call, expectError, expectVoid } from '../row.ts';
import type { Row } from '../row.ts';
import type { Site } from '../site.ts';

/** Starts a command, interrupts it at its first event of a type, and tells how it ended. */
async function interrupted(site: Site, command: string, at: string): Promise<[StreamEvent, number]> {
  const events = eventsOf(await post(site.url, '/command', { command }));
  const first = (await events.next()).value as StreamEvent;
  let last = first;
  let tookMs = 0;
  const interrupt = async (): Promise<void> => {
    const started = Date.now();
    await expectVoid(await call(site, 'DELETE', `/command?id=${first.text ?? ''}`));
    tookMs = Date.now() - started;
  };
  if (at === 'init') await interrupt();
  for await (const event of events) {
    if (event.type === at) await interrupt();
    if (event.type !== 'ping') last = event;
  }
  return [last, tookMs];
}

/** Ending what runs, by its id. */
export const INTERRUPTS: readonly Row[] = [
  {
    key: 'T38',
    name: 'an interrupted command ends and its stream says by what',
    async run(site) {
      const [last] = await interrupted(site, 'sleep 30', 'init');
      expect(last.error).toEqual({
        ename: 'CommandExecError',
        evalue: '-1',
        traceback: ['signal: terminated'],
      });
    },
  },
  {
    key: 'T39',
    name: 'a command that will not end is killed after three seconds',
    async run(site) {
      const [last, tookMs] = await interrupted(site, "trap '' TERM; echo set; sleep 30", 'stdout');
      expect(last.error).toMatchObject({ evalue: '-1', traceback: ['signal: killed'] });
      expect(tookMs).toBeGreaterThan(2500);
      expect(tookMs).toBeLessThan(8000);
    },
  },
  {
    key: 'T40',
    name: 'what does not run cannot be interrupted',
    async run(site) {
      const { id } = await runCommand(site.url, 'true');
      for (const route of ['/command', '/code']) {
        const ended = await call(site, 'DELETE', `${route}?id=${id}`);
        await expectError(ended, 500, 'RUNTIME_ERROR', /is not running/);
        const unknown = await call(site, 'DELETE', `${route}?id=unknown`);
        await expectError(unknown, 500, 'RUNTIME_ERROR', /no such session/);
        await expectError(
          await call(site, 'DELETE', route),
          400,
          'MISSING_QUERY',
          /missing query parameter 'id'/,
        );
      }
    },
  },
];
