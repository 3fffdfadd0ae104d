import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '@opensandbox/base';
import { statusOf, writeAccessLine } from './access-log.ts';
import type { AppDeps } from './app-options.ts';
import { createKeyCheck, isPublicPath, METRICS_PATH, sentKey } from './auth.ts';
import type { Capacity } from './capacity.ts';
import { createCorsPolicy, isPreflight, preflightHeaders } from './cors.ts';
import { decodedPath } from './request-path.ts';
import { NO_HTTP_TELEMETRY } from './telemetry/server-telemetry.ts';

type Done = (error?: Error) => void;

/**
 * What every request passes before it is routed, from outside in: request id and access line, capacity, CORS,
 * API key. A refused request carries the request id and the CORS headers as well.
 */
export function createAdmission(
  deps: AppDeps,
  capacity: Capacity,
): (request: FastifyRequest, reply: FastifyReply, done: Done) => void {
  const { options, log, clock, telemetry = NO_HTTP_TELEMETRY } = deps;
  const corsHeaders = createCorsPolicy(options.apiKey !== undefined);
  const areMetricsPublic = options.metrics?.isPublic === true;
  const isProxyPublic = options.proxy?.requireApiKey !== true;
  const checkKey = options.apiKey === undefined ? undefined : createKeyCheck(options.apiKey);

  return (request, reply, done) => {
    const { raw } = request;
    const startedAt = clock.now();
    const track = telemetry.began(raw);
    const peer = raw.socket.remoteAddress;
    const isAdmitted = capacity.enter();
    reply.raw.once('close', () => {
      if (isAdmitted) capacity.leave();
      const durationMs = clock.now() - startedAt;
      const status = statusOf(reply.raw);
      track.ended(status, request.routeOptions.url);
      const { traceId } = track;
      writeAccessLine(log, { request: raw, requestId: request.id, traceId, peer, status, durationMs });
    });
    void reply.header('x-request-id', request.id);
    if (!isAdmitted) {
      void reply.header('connection', 'close');
      done(overloaded());
      return;
    }
    void reply.headers(corsHeaders(raw.headers));
    if (isPreflight(request.method, raw.headers)) {
      void reply.headers(preflightHeaders(raw.headers)).type('text/plain; charset=utf-8').send('OK');
      return;
    }
    try {
      const path = decodedPath(raw.url ?? '');
      const isOpen = isPublicPath(path, isProxyPublic) || (path === METRICS_PATH && areMetricsPublic);
      if (checkKey !== undefined && !isOpen) checkKey(sentKey(path, raw.headers));
    } catch (error) {
      done(error as Fault);
      return;
    }
    // Bodies are read as bytes whatever they claim to be; handlers look at the header as it was sent.
    if (raw.headers['content-type'] !== undefined) raw.headers['content-type'] = 'application/octet-stream';
    done();
  };
}

function overloaded(): Fault {
  return new Fault('exhausted', 'server.overloaded', 'Service Unavailable', { retryAfterMs: 1000 });
}
