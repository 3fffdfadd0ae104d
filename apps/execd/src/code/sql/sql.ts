import { randomUUID } from 'node:crypto';
import type { Clock, Logger, Scope } from '@opensandbox/base';
import type { AgentEvent } from '../../events/agent-event.ts';
import { openEventStream } from '../../events/event-stream.ts';
import type { EventStream } from '../../events/event-stream.ts';
import { createConnections } from './connections.ts';
import type { SqlConnection, SqlConnections, SqlResult } from './connections.ts';
import { formatResult } from './format-result.ts';

export interface SqlDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: Scope;
  /** Opens a connection. It is asked again for the next statement when it fails. */
  readonly open: () => Promise<SqlConnection>;
}

export type RunSql = (statement: string, requestSignal: AbortSignal) => Response;

/** Runs statements on the sandbox's database and answers with their events. They run on when the client leaves. */
export function createSql(deps: SqlDeps): RunSql {
  const connections = createConnections(deps.clock, async () => {
    try {
      return await deps.open();
    } catch (error) {
      throw new OpenError(error);
    }
  });
  return (statement, requestSignal) => {
    const stream = openEventStream(deps.clock, requestSignal);
    deps.scope.run('sql', () => tell(deps, connections, { statement, stream }));
    return stream.response;
  };
}

class OpenError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function tell(
  deps: SqlDeps,
  connections: SqlConnections,
  { statement, stream }: { readonly statement: string; readonly stream: EventStream },
): Promise<void> {
  const startedAt = deps.clock.now();
  try {
    await stream.send({ type: 'init', text: randomUUID() });
    const results = await connections.use((connection) => connection.query(statement));
    for (const event of eventsOf(results)) await stream.send(event);
    await stream.send({
      type: 'execution_complete',
      execution_time: Math.max(0, deps.clock.now() - startedAt),
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const name = errorName(error, statement);
    // Not the message: a database quotes the statement in it, with the passwords that are in that.
    deps.log.info('sql.failed', { error: name });
    await stream.send(sqlError(name, message));
  } finally {
    stream.end();
  }
}

function eventsOf(results: readonly SqlResult[]): AgentEvent[] {
  const shown = results.map((result): AgentEvent => {
    const text = formatResult(result);
    return { type: 'result', results: { 'text/plain': text, text } };
  });
  return [{ type: 'execution_count', execution_count: 1 }, ...shown];
}

/** The names clients have always read. */
function errorName(error: unknown, statement: string): string {
  if (error instanceof OpenError) return 'DBInitError';
  return /^\s*select\b/i.test(statement) ? 'DBQueryError' : 'DBExecError';
}

function sqlError(ename: string, evalue: string): AgentEvent {
  return { type: 'error', error: { ename, evalue, traceback: [evalue] } };
}
