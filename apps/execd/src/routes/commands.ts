import { Hono } from 'hono';
import { exitNumber } from '@opensandbox/process';
import { logBody, logRange, parseCursor } from '../commands/command-logs.ts';
import type { CommandRecord } from '../commands/command-record.ts';
import { parseCommandRequest } from '../commands/command-request.ts';
import type { CommandRunner } from '../commands/command-runner.ts';
import { agentFault, jsonResponse } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';

const CURSOR_HEADER = 'EXECD-COMMANDS-TAIL-CURSOR';

export function commandRoutes(runner: CommandRunner): Hono {
  const routes = new Hono();

  routes.post('/command', async (context) => {
    const request = parseCommandRequest(await readJsonBody(context.req.raw));
    return runner.run(request, context.req.raw.signal);
  });

  routes.get('/command/status/:id', (context) => {
    const id = context.req.param('id');
    const record = runner.find(id);
    // The code is the one clients have always read here.
    if (record === undefined)
      throw agentFault('not_found', 'INVALID_REQUEST_BODY', `command not found: ${id}`);
    return jsonResponse(formatStatus(record));
  });

  routes.get('/command/:id/logs', (context) => {
    const id = context.req.param('id');
    const record = runner.find(id);
    if (record === undefined) throw agentFault('invalid', 'INVALID_REQUEST_BODY', `command not found: ${id}`);
    const range = logRange(record, parseCursor(context.req.query('cursor')));
    return new Response(logBody(range), {
      headers: {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': String(range.to - range.from),
        [CURSOR_HEADER]: String(range.to),
      },
    });
  });
  return routes;
}

/** A command as `GET /command/status/{id}` shows it; what is not known yet is left out. */
function formatStatus(record: CommandRecord): Readonly<Record<string, unknown>> {
  const { id, command, startedAt, end } = record;
  const started = { id, content: command, running: end === undefined, started_at: isoTime(startedAt) };
  if (end === undefined) return started;
  const exit = end.exit === undefined ? {} : { exit_code: exitNumber(end.exit) };
  const ended = { ...started, ...exit, finished_at: isoTime(end.finishedAt) };
  return end.error === '' ? ended : { ...ended, error: end.error };
}

function isoTime(time: number): string {
  return new Date(time).toISOString();
}
