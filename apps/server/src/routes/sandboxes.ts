import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Sandbox } from '@opensandbox/core';
import { parsePreferWait } from '@opensandbox/http';
import { openClientSignal } from '@opensandbox/proxy';
import { sendJson } from '../error-reply.ts';
import { rawQuery } from '../request-path.ts';
import { formatCreate, formatSandbox, formatSandboxList, parseCreate, parseList } from '../wire/index.ts';
import { type RouteContext, type Routes, idParam, jsonBody } from './route.ts';

/** Longest time that `Prefer: wait` holds an answer; a longer wish is cut to it. */
const LONGEST_WAIT_SECONDS = 300;

export const sandboxRoutes: Routes = (context) => {
  const { lifecycle } = context;
  return [
    { method: 'POST', path: '/sandboxes', handle: (request, reply) => create(context, request, reply) },
    {
      method: 'GET',
      path: '/sandboxes',
      handle: (request, reply) =>
        sendJson(reply, 200, formatSandboxList(lifecycle.list(parseList(rawQuery(request.raw.url ?? ''))))),
    },
    {
      method: 'GET',
      path: '/sandboxes/:id',
      handle: (request, reply) => sendJson(reply, 200, formatSandbox(lifecycle.get(idParam(request)))),
    },
    {
      method: 'DELETE',
      path: '/sandboxes/:id',
      handle: async (request, reply) => {
        await lifecycle.destroy(idParam(request), context.closing);
        void reply.code(204).send();
      },
    },
  ];
};

async function create(context: RouteContext, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { lifecycle, options, closing } = context;
  const parsed = parseCreate(jsonBody(request), options.createPolicy, (id) =>
    lifecycle.snapshots.imageOf(id),
  );
  // Not the client's signal: a sandbox that was asked for is made even when the client does not wait for it.
  const created = await lifecycle.create(parsed.request, closing);
  const wish = parsePreferWait(request.headers['prefer']);
  const settled = wish === undefined ? created : await settle(context, created, { wish, reply });
  sendJson(reply, 202, formatCreate(settled, parsed));
}

async function settle(
  { lifecycle, closing }: RouteContext,
  created: Sandbox,
  { wish, reply }: { readonly wish: number; readonly reply: FastifyReply },
): Promise<Sandbox> {
  const seconds = Math.min(wish, LONGEST_WAIT_SECONDS);
  void reply.header('preference-applied', `wait=${seconds}`);
  if (seconds === 0) return created;
  using client = openClientSignal(reply.raw, closing);
  try {
    return await lifecycle.waitSettled(created.record.id, seconds * 1000, client.signal);
  } catch (error) {
    // The sandbox exists and its id must reach the client, whatever cut the waiting short.
    if (closing.aborted) return created;
    throw error;
  }
}
