import { Fault } from '@opensandbox/base';
import { sendJson } from '../error-reply.ts';
import { rawQuery } from '../request-path.ts';
import { parseCreateSnapshot, parseSnapshotList } from '../wire/index.ts';
import { type Routes, idParam, jsonBody, pathParam } from './route.ts';

/** This server takes no snapshots: there are none to list, and asking for one is answered with 501. */
export const snapshotRoutes: Routes = ({ lifecycle }) => [
  {
    method: 'POST',
    path: '/sandboxes/:id/snapshots',
    handle: (request) => {
      parseCreateSnapshot(jsonBody(request));
      lifecycle.get(idParam(request));
      throw new Fault('unsupported', 'snapshot.unsupported', 'This server does not take snapshots.');
    },
  },
  {
    method: 'GET',
    path: '/snapshots',
    handle: (request, reply) => {
      const { page, pageSize } = parseSnapshotList(rawQuery(request.raw.url ?? ''));
      const pagination = { page, pageSize, totalItems: 0, totalPages: 0, hasNextPage: false };
      sendJson(reply, 200, { items: [], pagination });
    },
  },
  {
    method: 'GET',
    path: '/snapshots/:id',
    handle: (request) => {
      throw snapshotNotFound(pathParam(request, 'id'));
    },
  },
  {
    method: 'DELETE',
    path: '/snapshots/:id',
    handle: (request) => {
      throw snapshotNotFound(pathParam(request, 'id'));
    },
  },
];

function snapshotNotFound(id: string): Fault {
  return new Fault('not_found', 'snapshot.not_found', `Snapshot ${id} not found`);
}
