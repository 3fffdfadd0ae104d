import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendJson } from '../error-reply.ts';
import { rawQuery } from '../request-path.ts';
import { formatSnapshot, formatSnapshotList, parseCreateSnapshot, parseSnapshotList } from '../wire/index.ts';
import { type RouteContext, type Routes, idParam, jsonBody, pathParam } from './route.ts';

export const snapshotRoutes: Routes = (context) => {
  const { snapshots } = context.lifecycle;
  return [
    {
      method: 'POST',
      path: '/sandboxes/:id/snapshots',
      handle: (request, reply) => create(context, request, reply),
    },
    {
      method: 'GET',
      path: '/snapshots',
      handle: (request, reply) => {
        const page = snapshots.list(parseSnapshotList(rawQuery(request.raw.url ?? '')));
        sendJson(reply, 200, formatSnapshotList(page));
      },
    },
    {
      method: 'GET',
      path: '/snapshots/:id',
      handle: (request, reply) =>
        sendJson(reply, 200, formatSnapshot(snapshots.get(pathParam(request, 'id')))),
    },
    {
      method: 'DELETE',
      path: '/snapshots/:id',
      handle: async (request, reply) => {
        await snapshots.remove(pathParam(request, 'id'), context.closing);
        void reply.code(204).send();
      },
    },
  ];
};

async function create(
  { lifecycle }: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { name } = parseCreateSnapshot(jsonBody(request));
  const snapshot = await lifecycle.snapshots.create(idParam(request), name);
  // Always this path, also for who left the version out.
  void reply.header('location', `/v1/snapshots/${encodeURIComponent(snapshot.id)}`);
  sendJson(reply, 202, formatSnapshot(snapshot));
}
