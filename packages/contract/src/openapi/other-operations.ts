import {
  diagnosticEventsQuerySchema,
  diagnosticLogsQuerySchema,
  diagnosticSummaryQuerySchema,
} from '../lifecycle/diagnostics.ts';
import { listSnapshotsQuerySchema } from '../lifecycle/listing.ts';
import type { Operation } from './operation.ts';

export const SNAPSHOT_OPERATIONS: readonly Operation[] = [
  {
    path: '/sandboxes/{sandboxId}/snapshots',
    method: 'post',
    id: 'createSnapshot',
    tag: 'Snapshots',
    summary: 'Capture a running sandbox',
    body: { schema: 'CreateSnapshotRequest', optional: true },
    success: { status: 202, description: 'The snapshot is being taken.', schema: 'Snapshot', located: true },
    errors: [400, 401, 403, 404, 409, 413, 422, 500, 501],
  },
  {
    path: '/snapshots',
    method: 'get',
    id: 'listSnapshots',
    tag: 'Snapshots',
    summary: 'List snapshots',
    query: listSnapshotsQuerySchema,
    success: { status: 200, description: 'One page of snapshots.', schema: 'ListSnapshotsResponse' },
    errors: [400, 401, 422, 500],
  },
  {
    path: '/snapshots/{snapshotId}',
    method: 'get',
    id: 'getSnapshot',
    tag: 'Snapshots',
    summary: 'Read a snapshot',
    success: { status: 200, description: 'The snapshot as it is now.', schema: 'Snapshot' },
    errors: [401, 403, 404, 409, 500],
  },
  {
    path: '/snapshots/{snapshotId}',
    method: 'delete',
    id: 'deleteSnapshot',
    tag: 'Snapshots',
    summary: 'Delete a snapshot',
    success: { status: 204, description: 'The snapshot is gone.' },
    errors: [401, 403, 404, 409, 500],
  },
];

const DIAGNOSTICS = '/sandboxes/{sandboxId}/diagnostics';
const DIAGNOSTIC_FORMS =
  'With a `scope`, a descriptor that holds the text. Without, the text by itself: that form is deprecated, and ' +
  'says so in the header `Deprecation`.';
const DIAGNOSTIC_SUCCESS = {
  status: 200,
  description: 'A descriptor of the text, or the text.',
  schema: 'DiagnosticContentResponse',
  text: true,
} as const;

export const DIAGNOSTIC_OPERATIONS: readonly Operation[] = [
  {
    path: `${DIAGNOSTICS}/logs`,
    method: 'get',
    id: 'getDiagnosticLogs',
    tag: 'Diagnostics',
    summary: 'Read the log of a sandbox',
    query: diagnosticLogsQuerySchema,
    description: DIAGNOSTIC_FORMS,
    success: DIAGNOSTIC_SUCCESS,
    errors: [400, 401, 403, 404, 422, 500, 501],
  },
  {
    path: `${DIAGNOSTICS}/events`,
    method: 'get',
    id: 'getDiagnosticEvents',
    tag: 'Diagnostics',
    summary: 'Read what happened to a sandbox',
    query: diagnosticEventsQuerySchema,
    description: DIAGNOSTIC_FORMS,
    success: DIAGNOSTIC_SUCCESS,
    errors: [400, 401, 403, 404, 422, 500, 501],
  },
  {
    path: `${DIAGNOSTICS}/inspect`,
    method: 'get',
    id: 'inspectSandbox',
    tag: 'Diagnostics',
    summary: 'Read what the engine knows about a sandbox',
    success: { status: 200, description: 'Text for people.', text: true },
    errors: [401, 404, 500, 501],
  },
  {
    path: `${DIAGNOSTICS}/summary`,
    method: 'get',
    id: 'summarizeSandbox',
    tag: 'Diagnostics',
    summary: 'Read all diagnostics of a sandbox',
    query: diagnosticSummaryQuerySchema,
    success: { status: 200, description: 'Text for people.', text: true },
    errors: [401, 404, 422, 500, 501],
  },
];

const POOL = '/pools/{poolName}';

export const POOL_OPERATIONS: readonly Operation[] = [
  {
    path: '/pools',
    method: 'post',
    id: 'createPool',
    tag: 'Pools',
    summary: 'Create a pool of ready sandboxes',
    body: { schema: 'CreatePoolRequest' },
    success: { status: 201, description: 'The pool.', schema: 'Pool' },
    errors: [400, 401, 409, 413, 422, 500, 501],
  },
  {
    path: '/pools',
    method: 'get',
    id: 'listPools',
    tag: 'Pools',
    summary: 'List pools',
    success: { status: 200, description: 'All pools.', schema: 'ListPoolsResponse' },
    errors: [401, 500, 501],
  },
  {
    path: POOL,
    method: 'get',
    id: 'getPool',
    tag: 'Pools',
    summary: 'Read a pool',
    success: { status: 200, description: 'The pool.', schema: 'Pool' },
    errors: [401, 404, 500, 501],
  },
  {
    path: POOL,
    method: 'put',
    id: 'updatePool',
    tag: 'Pools',
    summary: 'Change the capacity of a pool',
    body: { schema: 'UpdatePoolRequest' },
    success: { status: 200, description: 'The pool.', schema: 'Pool' },
    errors: [400, 401, 404, 413, 422, 500, 501],
  },
  {
    path: POOL,
    method: 'delete',
    id: 'deletePool',
    tag: 'Pools',
    summary: 'Delete a pool',
    success: { status: 204, description: 'The pool is gone.' },
    errors: [401, 404, 500, 501],
  },
];

export const SERVER_OPERATIONS: readonly Operation[] = [
  {
    path: '/metrics/events',
    method: 'post',
    id: 'reportMetricsEvent',
    tag: 'Metrics',
    summary: 'Tell how long a create took',
    body: { schema: 'MetricsEvent' },
    success: { status: 204, description: 'Noted.' },
    errors: [400, 401, 413, 422, 500],
  },
  {
    path: '/health',
    method: 'get',
    id: 'getHealth',
    tag: 'Server',
    summary: 'Tell whether the server answers',
    description: 'Exists without the `/v1` prefix only.',
    success: { status: 200, description: 'It does.', schema: 'Health' },
    errors: [503],
    isPublic: true,
  },
];
