import type { Clock } from '@opensandbox/base';
import { Hono } from 'hono';
import type { Context } from 'hono';
import { emptyResponse, jsonResponse } from '../error-envelope.ts';
import { readJsonBody } from '../json-body.ts';
import { formatCapabilities } from './capabilities.ts';
import { forwardFiles } from './forward-files.ts';
import { forwardRun } from './forward-run.ts';
import { formatCreated, formatState, formatSummary } from './format-session.ts';
import { beginUse } from './isolated-sessions.ts';
import type { IsolatedSession, IsolatedSessions } from './isolated-sessions.ts';
import { parseRunRequest, parseSessionRequest } from './session-request.ts';

export interface IsolatedRouteDeps {
  readonly clock: Clock;
  readonly sessions: IsolatedSessions;
}

const PREFIX = '/v1/isolated';
const PARSE_PREFIX = 'error parsing request. ';

/** Sessions in namespaces of their own. Where there can be none, everything but the capabilities says so. */
export function isolatedRoutes({ clock, sessions }: IsolatedRouteDeps): Hono {
  const routes = new Hono();
  const found = (context: Context): IsolatedSession => sessions.get(context.req.param('id') ?? '');

  routes.get(`${PREFIX}/capabilities`, async () => {
    return jsonResponse(formatCapabilities(await sessions.capabilities()));
  });
  routes.use(`${PREFIX}/*`, async (_context, next) => {
    await sessions.requireAvailable();
    await next();
  });
  routes.post(`${PREFIX}/session`, async (context) => {
    const request = parseSessionRequest(await readJsonBody(context.req.raw, PARSE_PREFIX));
    return jsonResponse(formatCreated(await sessions.create(request, context.req.raw.signal)), 201);
  });
  routes.get(`${PREFIX}/sessions`, () => {
    return jsonResponse({ sessions: sessions.list().map((session) => formatSummary(session, clock)) });
  });
  routes.get(`${PREFIX}/session/:id`, (context) => jsonResponse(formatState(found(context), clock)));
  routes.delete(`${PREFIX}/session/:id`, async (context) => {
    await sessions.end(found(context));
    return emptyResponse();
  });
  routes.post(`${PREFIX}/session/:id/run`, async (context) => {
    const session = found(context);
    const request = parseRunRequest(await readJsonBody(context.req.raw, PARSE_PREFIX));
    return forwardRun(clock, session, request, context.req.raw.signal);
  });
  routes.get(`${PREFIX}/session/:id/diff`, async (context) => {
    const { diffSession } = await import('./diff.ts'); // rarely asked for
    const session = found(context);
    return diffSession(session, sessions.config.diffMaxBytes, () => beginUse(session, clock));
  });
  routes.post(`${PREFIX}/session/:id/commit`, async (context) => {
    const { commitSession } = await import('./commit.ts'); // rarely asked for
    const session = found(context);
    const done = beginUse(session, clock);
    try {
      return jsonResponse(await commitSession(session));
    } finally {
      done();
    }
  });
  routes.all(`${PREFIX}/session/:id/:group{files|directories}/*`, (context) => {
    return forwardFiles(clock, found(context), context.req.raw);
  });
  routes.all(`${PREFIX}/session/:id/:group{files|directories}`, (context) => {
    return forwardFiles(clock, found(context), context.req.raw);
  });
  return routes;
}
