import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgent } from './support/agent-process.ts';
import type { AgentProcess } from './support/agent-process.ts';
import { post, readEvents } from './support/event-lines.ts';
import type { StreamEvent } from './support/event-lines.ts';
import { freePort } from './support/free-port.ts';
import { prepareMysql, whyNoDatabase } from './support/mysql-server.ts';
import type { MysqlServer } from './support/mysql-server.ts';

const reason = whyNoDatabase();
if (reason !== undefined) console.log(`database tests skipped: ${reason}`);

interface SqlEvent extends StreamEvent {
  readonly results?: Readonly<Record<string, string>>;
}

describe.skipIf(reason !== undefined)('SQL on a real database', () => {
  let database: MysqlServer;
  let agent: AgentProcess;

  beforeAll(async () => {
    database = prepareMysql(await freePort());
    // The last are for a database of the sandbox's program: they must not change where SQL runs, and as whom.
    agent = await startAgent({
      env: {
        EXECD_MYSQL_ADDRESS: database.address,
        DATABASE_URL: 'postgres://app:secret@db.invalid/app?sslmode=require',
        TLS_MYSQL_DATABASE_URL: 'mysql://app:secret@db.invalid/app',
        MYSQL_PASSWORD: 'secret',
      },
    });
  });
  afterAll(async () => {
    await agent.stop();
    await database[Symbol.asyncDispose]();
  });

  async function run(code: string): Promise<readonly SqlEvent[]> {
    const response = await post(agent.url, '/code', { code, context: { language: 'sql' } });
    return readEvents(await response.text()).events;
  }
  /** The results of a statement that succeeds. */
  async function results(code: string): Promise<unknown[]> {
    const events = await run(code);
    expect(events.map((event) => event.type).filter((type) => type !== 'result')).toEqual([
      'init',
      'execution_count',
      'execution_complete',
    ]);
    const found = events.flatMap((event) => (event.results === undefined ? [] : [event.results]));
    for (const one of found) expect(one['text']).toBe(one['text/plain']);
    return found.map((one) => JSON.parse(one['text'] ?? '') as unknown);
  }

  it('a database that is not there yet is told of, and found at the next statement', async () => {
    const before = await run('SELECT 1');
    expect(before.map((event) => event.type)).toEqual(['init', 'error']);
    expect(before.at(-1)?.error?.ename).toBe('DBInitError');
    await database.start();
    expect(await results('SELECT 1 AS one')).toEqual([{ columns: ['one'], rows: [['1']] }]);
  });

  it('statements run in a database of their own and tell how many rows they changed', async () => {
    expect(await results('SELECT DATABASE() AS d')).toEqual([{ columns: ['d'], rows: [['sandbox']] }]);
    await results('CREATE TABLE t (id INT, b BLOB, f DOUBLE, n DECIMAL(10,2), at DATETIME, bits BIT(9))');
    const insert = `INSERT INTO t VALUES
      (9, x'00FF41', 1.5, 12.5, '2024-01-02 03:04:05', b'101'), (2, 'grün', NULL, -1, '0000-00-00', NULL)`;
    expect(await results(insert)).toEqual([{ columns: ['affected_rows'], rows: [[2]] }]);
  });

  it('cells are the text of the database, bytes that are no text are hexadecimal, absent values null', async () => {
    expect(await results('SELECT * FROM t ORDER BY id')).toEqual([
      {
        columns: ['id', 'b', 'f', 'n', 'at', 'bits'],
        rows: [
          ['2', 'grün', null, '-1.00', '0000-00-00 00:00:00', null],
          ['9', '0x00FF41', '1.5', '12.50', '2024-01-02 03:04:05', '0x0005'],
        ],
      },
    ]);
    expect(await results('SELECT 1 AS a, 2 AS a')).toEqual([{ columns: ['a', 'a'], rows: [['1', '2']] }]);
    expect(await results('SELECT id FROM t WHERE 1 = 0')).toEqual([{ columns: ['id'], rows: [] }]);
  });

  it.each([
    ['SHOW TABLES', [['t']]],
    ['WITH c AS (SELECT 5 AS v) SELECT v FROM c', [['5']]],
    ['(SELECT 7)', [['7']]],
    ['VALUES (1), (2)', [['1'], ['2']]],
  ])('%s gives rows', async (statement, rows) => {
    expect(await results(statement)).toMatchObject([{ rows }]);
  });

  it.each(['DESCRIBE t', 'EXPLAIN SELECT * FROM t', 'INSERT INTO t (id) VALUES (3) RETURNING id'])(
    '%s gives rows, too',
    async (statement) => {
      const [result] = (await results(statement)) as { readonly columns: string[] }[];
      expect(result?.columns).not.toEqual(['affected_rows']);
    },
  );

  it('what one statement sets the next one finds', async () => {
    await results('SET @kept = 41');
    expect(await results('SELECT @kept + 1 AS v')).toMatchObject([{ rows: [['42']] }]);
  });

  it('several statements at once each have their result', async () => {
    expect(await results('SELECT 1 AS a; SELECT 2 AS b')).toEqual([
      { columns: ['a'], rows: [['1']] },
      { columns: ['b'], rows: [['2']] },
    ]);
  });

  it('a statement does not wait for a slow one of another client', async () => {
    const slow = run('SELECT SLEEP(12)');
    const startedAt = Date.now();
    await results('SELECT 1');
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    await slow;
  });

  it.each([
    ['SELECT * FROM missing', 'DBQueryError', "Table 'sandbox.missing' doesn't exist"],
    ['DROP TABLE missing', 'DBExecError', "Unknown table 'sandbox.missing'"],
  ])('%s fails with a name and the reason', async (statement, ename, evalue) => {
    const events = await run(statement);
    expect(events.map((event) => event.type)).toEqual(['init', 'error']);
    expect(events.at(-1)?.error).toEqual({ ename, evalue, traceback: [evalue] });
  });

  it('a database that was restarted is found again', async () => {
    await database.stop();
    expect((await run('SELECT 1')).at(-1)?.error?.ename).toBe('DBInitError');
    await database.start();
    expect(await results('SELECT COUNT(*) AS n FROM t')).toMatchObject([{ rows: [['3']] }]);
  });
});
