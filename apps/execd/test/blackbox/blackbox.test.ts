import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { whyNoContainers } from '../support/sandbox-container.ts';
import { KINDS, makeShellImage } from './kinds.ts';
import type { Kind } from './kinds.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { openBox, WAYS } from './site.ts';
import type { Box, Site, Way } from './site.ts';

const missing = await whyNoContainers();
if (missing !== undefined) console.log(`skipped: ${missing}`);

vi.setConfig({ maxConcurrency: 12 });

const reasonAgainst = (kind: Kind, row: Row): string | undefined =>
  row.needs?.map((ability) => kind.cannot[ability]).find((reason) => reason !== undefined);

const isTold = (kind: Kind, row: Row): boolean =>
  reasonAgainst(kind, row) === undefined && (row.once === undefined || kind === KINDS[0]);

/** Every behaviour, on every kind of sandbox that can show it, reached in both ways. */
describe.skipIf(missing !== undefined)('the agent, seen from outside', () => {
  let removeImage = async (): Promise<void> => undefined;
  const boxes = new Map<Kind, Box>();

  beforeAll(async () => {
    removeImage = await makeShellImage();
    // All before the first row: the address of one that has ended would go to the next, and with it the
    // connections that clients keep.
    for (const kind of KINDS) boxes.set(kind, await openBox(kind));
  });
  afterAll(async () => {
    for (const box of boxes.values()) await box[Symbol.asyncDispose]();
    await removeImage();
  });

  it('shows every behaviour on some kind of sandbox, each under a key of its own', () => {
    expect(ROWS.filter((row) => !KINDS.some((kind) => isTold(kind, row)))).toEqual([]);
    expect(new Set(ROWS.map((row) => row.key)).size).toBe(ROWS.length);
  });

  describe.each(KINDS)('on $name', (kind) => {
    const site = (way: Way): Site => {
      const box = boxes.get(kind);
      if (box === undefined) throw new Error('no such box');
      return box.site(way);
    };
    const rows = ROWS.filter((row) => isTold(kind, row));
    for (const way of WAYS) {
      const isFirst = way === WAYS[0];
      for (const row of rows.filter((one) => isFirst || (one.once ?? one.oneWay) === undefined)) {
        it.concurrent(`${row.name}, ${way}`, () => row.run(site(way)));
      }
    }
  });
});
