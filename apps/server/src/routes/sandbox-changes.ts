import { sendJson } from '../error-reply.ts';
import { formatSandbox, parsePatch, parseRenew } from '../wire/index.ts';
import { type Routes, idParam, jsonBody } from './route.ts';

/** Changes run to their end when the client leaves: what it asked for is then done, not half done. */
export const sandboxChangeRoutes: Routes = ({ lifecycle, closing }) => [
  {
    method: 'PATCH',
    path: '/sandboxes/:id/metadata',
    handle: async (request, reply) => {
      const patch = parsePatch(jsonBody(request));
      const sandbox = await lifecycle.patchMetadata(idParam(request), patch, closing);
      sendJson(reply, 200, formatSandbox(sandbox));
    },
  },
  {
    method: 'POST',
    path: '/sandboxes/:id/pause',
    body: 'unread',
    handle: async (request, reply) => {
      await lifecycle.pause(idParam(request), closing);
      void reply.code(202).send();
    },
  },
  {
    method: 'POST',
    path: '/sandboxes/:id/resume',
    body: 'unread',
    handle: async (request, reply) => {
      await lifecycle.resume(idParam(request), closing);
      void reply.code(202).send();
    },
  },
  {
    method: 'POST',
    path: '/sandboxes/:id/renew-expiration',
    handle: async (request, reply) => {
      const renewal = parseRenew(jsonBody(request));
      await lifecycle.renew(idParam(request), renewal.expiresAt, closing);
      sendJson(reply, 200, { expiresAt: renewal.text });
    },
  },
];
