import type { FastifyRequest } from 'fastify';
import { openClientSignal } from '@opensandbox/proxy';
import { sendJson } from '../error-reply.ts';
import { rawQuery } from '../request-path.ts';
import { formatEndpoint, formatProxyEndpoint, parseEndpoint, proxyBase } from '../wire/index.ts';
import { type RouteContext, type Routes, idParam, pathParam } from './route.ts';

export const endpointRoutes: Routes = (context) => [
  {
    method: 'GET',
    path: '/sandboxes/:id/endpoints/:port',
    handle: async (request, reply) => {
      const { lifecycle, options, closing } = context;
      const asked = parseEndpoint(pathParam(request, 'port'), rawQuery(request.raw.url ?? ''));
      const base = asked.useServerProxy ? baseOf(request, context) : undefined;
      const id = idParam(request);
      using client = openClientSignal(reply.raw, closing);
      const address = await lifecycle.resolve(id, asked.port, client.signal);
      const endpoint =
        base === undefined
          ? formatEndpoint(address, options.publicHost())
          : formatProxyEndpoint(id, asked.port, base);
      sendJson(reply, 200, endpoint);
    },
  },
];

function baseOf(request: FastifyRequest, { options }: RouteContext): string {
  return proxyBase({ publicUrl: options.publicUrl, eip: options.eip, hostHeader: request.headers.host });
}
