import type { SqlConnection, SqlResult } from './connections.ts';

/** The runtime's own client, as much of it as is used here. It is loaded when it is first asked for. */
interface BunSql {
  unsafe(statement: string): { raw(): Promise<RawResult | RawResult[]> };
  end(): Promise<void>;
}
interface RawResult extends ReadonlyArray<readonly (Uint8Array | null)[]> {
  readonly columns?: readonly { readonly name: string; readonly type: number }[];
  readonly affectedRows?: number;
}
interface RuntimeWithSql {
  readonly SQL: new (options: Readonly<Record<string, unknown>>) => BunSql;
}

export interface DatabaseAddress {
  readonly hostname: string;
  readonly port: number;
}

const DATABASE = 'sandbox';
/** Every server has it, for every account. */
const ALWAYS_THERE = 'information_schema';
const CONNECT_SECONDS = 10;

/** Opens a connection to the sandbox's database, which is created when it is missing. */
export async function openDatabase(address: DatabaseAddress): Promise<SqlConnection> {
  const connection = connect(address);
  try {
    await connection.query(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`);
    await connection.query(`USE ${DATABASE}`);
    return connection;
  } catch (error) {
    void connection.close().catch(() => undefined);
    throw error;
  }
}

function connect(address: DatabaseAddress): SqlConnection {
  const { SQL } = (globalThis as unknown as { readonly Bun: RuntimeWithSql }).Bun;
  const sql = new SQL({
    adapter: 'mysql',
    ...address,
    username: 'root',
    // What is empty here the runtime takes from DATABASE_URL, MYSQL_PASSWORD and others like them, and the sandbox's
    // program has those for a database of its own.
    password: () => '',
    database: ALWAYS_THERE,
    tls: false,
    // One, because the next statement must find what this one set.
    max: 1,
    idleTimeout: 0,
    connectionTimeout: CONNECT_SECONDS,
  });
  return {
    async query(statement) {
      const answer = await sql.unsafe(statement).raw();
      return isSeveral(answer) ? answer.map(toResult) : [toResult(answer)];
    },
    close: () => sql.end(),
  };
}

/** Several statements in one give a list of results, one gives its result, which is a list of rows. */
function isSeveral(answer: RawResult | RawResult[]): answer is RawResult[] {
  return (answer as RawResult).columns === undefined && answer.length > 0;
}

function toResult(raw: RawResult): SqlResult {
  return { columns: raw.columns ?? [], rows: [...raw], affectedRows: raw.affectedRows ?? 0 };
}
