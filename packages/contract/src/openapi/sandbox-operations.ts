import { endpointQuerySchema } from '../lifecycle/endpoint.ts';
import { listSandboxesQuerySchema } from '../lifecycle/listing.ts';
import type { Operation } from './operation.ts';

const tag = 'Sandboxes';
const ONE = '/sandboxes/{sandboxId}';

export const SANDBOX_OPERATIONS: readonly Operation[] = [
  {
    path: '/sandboxes',
    method: 'get',
    id: 'listSandboxes',
    tag,
    summary: 'List sandboxes',
    description: 'Newest first. All filters must match; of several states any.',
    query: listSandboxesQuerySchema,
    success: { status: 200, description: 'One page of sandboxes.', schema: 'ListSandboxesResponse' },
    errors: [400, 401, 422, 500],
  },
  {
    path: '/sandboxes',
    method: 'post',
    id: 'createSandbox',
    tag,
    summary: 'Create a sandbox',
    description:
      'Takes an image or a snapshot and answers as soon as the request is recorded; the sandbox is made in the background. Poll it, ask for one of its endpoints (which waits), or send `Prefer: wait=N` to be answered when it runs, failed, or N seconds passed.',
    body: { schema: 'CreateSandboxRequest' },
    success: { status: 202, description: 'The sandbox is being made.', schema: 'CreateSandboxResponse' },
    errors: [400, 401, 404, 409, 413, 422, 500, 503, 504],
  },
  {
    path: ONE,
    method: 'get',
    id: 'getSandbox',
    tag,
    summary: 'Read a sandbox',
    success: { status: 200, description: 'The sandbox as it is now.', schema: 'Sandbox' },
    errors: [401, 403, 404, 500],
  },
  {
    path: ONE,
    method: 'delete',
    id: 'deleteSandbox',
    tag,
    summary: 'Delete a sandbox',
    description: 'Works in every state. Answers when nothing is left of it.',
    success: { status: 204, description: 'The sandbox is gone.' },
    errors: [401, 403, 404, 409, 500],
  },
  {
    path: `${ONE}/metadata`,
    method: 'patch',
    id: 'patchSandboxMetadata',
    tag,
    summary: 'Change the labels of a sandbox',
    description:
      'A JSON merge patch: a text sets a label, null removes it, the others stay. Labels under `opensandbox.io/` belong to the platform.',
    body: { schema: 'PatchSandboxMetadataRequest' },
    success: { status: 200, description: 'The sandbox with its new labels.', schema: 'Sandbox' },
    errors: [400, 401, 403, 404, 409, 413, 422, 500],
  },
  {
    path: `${ONE}/pause`,
    method: 'post',
    id: 'pauseSandbox',
    tag,
    summary: 'Freeze a sandbox',
    description: 'Its processes stop where they are and keep their memory. Any body is ignored.',
    success: { status: 202, description: 'The sandbox is being frozen.' },
    errors: [400, 401, 403, 404, 409, 500],
  },
  {
    path: `${ONE}/resume`,
    method: 'post',
    id: 'resumeSandbox',
    tag,
    summary: 'Thaw a sandbox',
    description: 'Its processes go on. Any body is ignored.',
    success: { status: 202, description: 'The sandbox is being thawed.' },
    errors: [400, 401, 403, 404, 409, 500],
  },
  {
    path: `${ONE}/renew-expiration`,
    method: 'post',
    id: 'renewSandboxExpiration',
    tag,
    summary: 'Set a new end for a sandbox',
    description: 'The new end may be earlier than the old one. A sandbox without a timeout cannot get one.',
    body: { schema: 'RenewSandboxExpirationRequest' },
    success: { status: 200, description: 'The new end.', schema: 'RenewSandboxExpirationResponse' },
    errors: [400, 401, 403, 404, 409, 413, 422, 500],
  },
  {
    path: `${ONE}/endpoints/{port}`,
    method: 'get',
    id: 'getSandboxEndpoint',
    tag,
    summary: 'Find the address of a port',
    description: 'Of a sandbox that is being made it waits until the address is known or the making failed.',
    query: endpointQuerySchema,
    success: { status: 200, description: 'The address.', schema: 'Endpoint' },
    errors: [400, 401, 403, 404, 409, 422, 500, 503, 504],
  },
];

const PROXY_METHODS = ['get', 'post', 'put', 'delete', 'patch'] as const;

/** The proxy takes any method, body and WebSocket upgrade; what is documented is that it exists. */
export const PROXY_OPERATIONS: readonly Operation[] = PROXY_METHODS.flatMap((method) =>
  (['', '/{path}'] as const).map((rest): Operation => ({
    path: `${ONE}/proxy/{port}${rest}`,
    method,
    id: `${method}ProxySandboxPort${rest === '' ? '' : 'Path'}`,
    tag: 'Proxy',
    summary: 'Talk to a port of a sandbox through this server',
    success: { status: 200, description: 'Whatever the service inside answers.' },
    errors: [400, 404, 500, 502, 503],
    isPublic: true,
  })),
);
