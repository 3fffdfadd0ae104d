import type { Clock } from '@opensandbox/base';

/** What a statement gave. Only statements that can have rows have columns. */
export interface SqlResult {
  readonly columns: readonly SqlColumn[];
  /** Cells as the database wrote them. */
  readonly rows: readonly (readonly (Uint8Array | null)[])[];
  readonly affectedRows: number;
}

export interface SqlColumn {
  readonly name: string;
  /** The type's number in the database's protocol. */
  readonly type: number;
}

/** One connection. Statements follow one another, and what one sets the next one finds. */
export interface SqlConnection {
  query(statement: string): Promise<readonly SqlResult[]>;
  close(): Promise<void>;
}

export interface SqlConnections {
  /** Runs `work` on the connection used last that is free, or on a new one. */
  use<T>(work: (connection: SqlConnection) => Promise<T>): Promise<T>;
}

const LONGEST_IDLE_MS = 5 * 60_000;

/**
 * One client after the other gets the same connection, so that variables, temporary tables and transactions live
 * on; only clients at the same time get one each. A connection whose statement failed to travel is closed.
 */
export function createConnections(clock: Clock, open: () => Promise<SqlConnection>): SqlConnections {
  const free: { readonly connection: SqlConnection; readonly expiry: Disposable }[] = [];

  function keep(connection: SqlConnection): void {
    const expiry = clock.at(clock.now() + LONGEST_IDLE_MS, () => {
      const at = free.findIndex((one) => one.connection === connection);
      if (at !== -1) free.splice(at, 1);
      void connection.close().catch(() => undefined);
    });
    free.push({ connection, expiry });
  }

  /** A database that was restarted has closed what is kept here. */
  async function reuse(): Promise<SqlConnection | undefined> {
    for (;;) {
      const idle = free.pop();
      if (idle === undefined) return undefined;
      idle.expiry[Symbol.dispose]();
      try {
        await idle.connection.query('DO 0');
        return idle.connection;
      } catch {
        void idle.connection.close().catch(() => undefined);
      }
    }
  }

  return {
    async use(work) {
      const connection = (await reuse()) ?? (await open());
      try {
        const result = await work(connection);
        keep(connection);
        return result;
      } catch (error) {
        if (isAnswer(error)) keep(connection);
        else void connection.close().catch(() => undefined);
        throw error;
      }
    },
  };
}

/** A database that refuses a statement sends a number with it; everything else is trouble on the way. */
export function isAnswer(error: unknown): boolean {
  return error instanceof Error && typeof (error as { readonly errno?: unknown }).errno === 'number';
}
