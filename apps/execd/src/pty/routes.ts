import type { Clock, Logger, Scope } from '@opensandbox/base';
import type { Environment, OutputDirectory, PipeSystem } from '@opensandbox/process';
import { Hono } from 'hono';
import type { Context } from 'hono';
import type { BunRuntime } from '../bun-runtime.ts';
import { commandEnvironment } from '../commands/command-environment.ts';
import { agentFault, emptyResponse, jsonResponse } from '../error-envelope.ts';
import { readOptionalJsonBody } from '../json-body.ts';
import { jsonFields } from '../json-fields.ts';
import { upgradedResponse, visitorOf } from '../routes/route-environment.ts';
import { sessionDirectory } from './session-directory.ts';
import type { ConnectRequest, PtySession } from './session.ts';
import { createPtySessions } from './sessions.ts';
import { startProgram } from './start-program.ts';

export interface PtyDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: Scope;
  readonly bun: BunRuntime;
  /** The agent's environment without what commands must not see. */
  readonly environment: Environment;
  readonly cwd: string;
  readonly outputs: OutputDirectory;
  readonly pipes: PipeSystem;
}

export interface PtyGroup {
  readonly routes: Hono;
  /** Ends all shells and lets their clients go. */
  stop(): void;
}

const PARSE_PREFIX = 'error parsing request: ';

/** Shells that are made by a request and used over WebSockets. */
export function createPty(deps: PtyDeps): PtyGroup {
  const sessions = createPtySessions({ ...deps, start: startProgram(deps) });
  const routes = new Hono();
  const find = (id: string): PtySession => {
    const session = sessions.find(id);
    if (session === undefined) throw notFound(id);
    return session;
  };

  routes.post('/pty', async (context) => {
    const fields = jsonFields(await readOptionalJsonBody(context.req.raw, PARSE_PREFIX), PARSE_PREFIX);
    const command = fields.text('command') ?? '';
    const environment = commandEnvironment(deps.environment, {}, deps.log);
    const cwd = sessionDirectory(fields.text('cwd') ?? '', environment, deps.cwd);
    const session = sessions.create(cwd, command);
    deps.log.info('pty.created', { id: session.id });
    return jsonResponse({ session_id: session.id }, 201);
  });
  routes.get('/pty/:id', (context) => {
    const session = find(context.req.param('id'));
    const { id, isRunning, outputOffset } = session;
    return jsonResponse({ session_id: id, running: isRunning, output_offset: outputOffset });
  });
  routes.delete('/pty/:id', (context) => {
    const id = context.req.param('id');
    if (!sessions.remove(id)) throw notFound(id);
    deps.log.info('pty.deleted', { id });
    return emptyResponse();
  });
  routes.get('/pty/:id/ws', (context) => connect(context, find(context.req.param('id'))));
  return { routes, stop: () => sessions.stop() };
}

function connect(context: Context, session: PtySession): Response {
  const visitor = visitorOf(context);
  const outcome = session.connect(connectRequest(context), (relay) => visitor.upgrade(new Headers(), relay));
  switch (outcome) {
    case 'connected':
      return upgradedResponse;
    case 'busy':
      throw agentFault(
        'conflict',
        'ALREADY_CONNECTED',
        `pty session ${session.id} already has a client; connect with takeover=1 to replace it`,
      );
    case 'refused':
      return new Response('Bad Request', {
        status: 400,
        headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      });
  }
}

function connectRequest(context: Context): ConnectRequest {
  const query = (name: string): string => context.req.query(name) ?? '';
  const isHandshake = context.req.header('upgrade')?.toLowerCase() === 'websocket';
  return {
    mode: query('pty') === '0' ? 'pipe' : 'pty',
    since: /^\d{1,15}$/.test(query('since')) ? Number(query('since')) : 0,
    takesOver: query('takeover') === '1' && isHandshake,
    restarts: query('restart') !== '0',
  };
}

function notFound(id: string): Error {
  return agentFault('not_found', 'CONTEXT_NOT_FOUND', `pty session ${id} not found`);
}
