import { silentLogger } from '@opensandbox/base';
import { openScope } from '@opensandbox/base';
import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { createConnections } from './connections.ts';
import type { SqlConnection } from './connections.ts';
import { formatResult } from './format-result.ts';
import { createSql } from './sql.ts';

function connection(query: SqlConnection['query'] = async () => []): SqlConnection & { isClosed: boolean } {
  return {
    isClosed: false,
    query,
    async close() {
      this.isClosed = true;
    },
  };
}

describe('the connections', () => {
  it('give one client after the other the same connection, and clients at once one each', async () => {
    const opened: SqlConnection[] = [];
    const connections = createConnections(new FakeClock(0), async () => {
      opened.push(connection());
      return opened.at(-1) ?? connection();
    });
    const first = await connections.use(async (one) => one);
    await connections.use(async (one) => {
      expect(one).toBe(first);
      await connections.use(async (other) => expect(other).not.toBe(first));
    });
    expect(opened).toHaveLength(2);
  });

  it('close what nobody has used for minutes', async () => {
    const clock = new FakeClock(0);
    const only = connection();
    await createConnections(clock, async () => only).use(async () => undefined);
    await clock.advance(299_000);
    expect(only.isClosed).toBe(false);
    await clock.advance(2000);
    expect([only.isClosed, clock.pending]).toEqual([true, []]);
  });

  it('keep a connection whose statement the database refused, and no other that failed', async () => {
    const clock = new FakeClock(0);
    const only = connection();
    const connections = createConnections(clock, async () => only);
    const refused = Object.assign(new Error('syntax'), { errno: 1064 });
    await expect(connections.use(() => Promise.reject(refused))).rejects.toBe(refused);
    expect(only.isClosed).toBe(false);
    await expect(connections.use(() => Promise.reject(new Error('closed')))).rejects.toThrow('closed');
    expect([only.isClosed, clock.pending]).toEqual([true, []]);
  });
});

describe('formatResult', () => {
  const cell = (bytes: Uint8Array | null, type = 253): string => {
    return formatResult({ columns: [{ name: 'c', type }], rows: [[bytes]], affectedRows: 0 });
  };
  it.each([
    [Buffer.from('grün'), 253, '"grün"'],
    [Buffer.from(''), 253, '""'],
    [Buffer.from([0xff, 0x00]), 252, '"0xFF00"'],
    [Buffer.from([0x41, 0x00]), 252, '"0x4100"'],
    [Buffer.from([0x41]), 16, '"0x41"'],
    [null, 253, 'null'],
  ])('writes %j of type %i as %s', (bytes, type, text) => {
    expect(cell(bytes, type)).toBe(`{"columns":["c"],"rows":[[${text}]]}`);
  });
});

describe('a statement', () => {
  it('ends with the reason when the database cannot be opened, and opens it anew for the next', async () => {
    let attempts = 0;
    const open = async (): Promise<SqlConnection> => {
      attempts += 1;
      if (attempts === 1) throw new Error('refused');
      return connection(async () => [{ columns: [], rows: [], affectedRows: 3 }]);
    };
    await using scope = openScope(silentLogger);
    const run = createSql({ clock: new FakeClock(7), log: silentLogger, scope, open });
    const never = new AbortController().signal;
    const failed = await run('SELECT 1', never).text();
    expect(failed).toContain('"error":{"ename":"DBInitError","evalue":"refused","traceback":["refused"]}');
    const done = await run('DELETE FROM t', never).text();
    expect(done).toContain('"text/plain":"{\\"columns\\":[\\"affected_rows\\"],\\"rows\\":[[3]]}"');
    expect(done).toContain('"type":"execution_complete"');
  });

  it('that fails is not quoted in the log', async () => {
    const lines: unknown[] = [];
    const write = (event: string, fields?: object): void => void lines.push([event, fields]);
    const log = { ...silentLogger, info: write, warn: write, error: write };
    await using scope = openScope(silentLogger);
    const refused = Object.assign(new Error("syntax near 'hunter2'"), { errno: 1064 });
    const open = async (): Promise<SqlConnection> => connection(() => Promise.reject(refused));
    const run = createSql({ clock: new FakeClock(7), log, scope, open });
    const told = await run("SET PASSWORD 'hunter2'", new AbortController().signal).text();
    expect(told).toContain('hunter2');
    expect(JSON.stringify(lines)).toContain('sql.failed');
    expect(JSON.stringify(lines)).not.toContain('hunter2');
  });
});
