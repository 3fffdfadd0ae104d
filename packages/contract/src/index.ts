export { parseJsonBody } from './json/parse-body.ts';
export type { CreateSandboxRequest } from './lifecycle/create-sandbox.ts';
export { createSandboxRequest } from './lifecycle/create-sandbox.ts';
export type {
  DiagnosticBody,
  DiagnosticEventsQuery,
  DiagnosticLogsQuery,
  DiagnosticSummaryQuery,
} from './lifecycle/diagnostics.ts';
export {
  diagnosticEventsQuery,
  diagnosticLogsQuery,
  diagnosticSummaryQuery,
} from './lifecycle/diagnostics.ts';
export type { EndpointBody, EndpointPath, EndpointQuery } from './lifecycle/endpoint.ts';
export { endpointPath, endpointQuery } from './lifecycle/endpoint.ts';
export type { ErrorBody } from './lifecycle/errors.ts';
export type {
  ListSandboxesQuery,
  ListSnapshotsQuery,
  PaginationBody,
  SandboxListBody,
  SnapshotListBody,
} from './lifecycle/listing.ts';
export { listSandboxesQuery, listSnapshotsQuery } from './lifecycle/listing.ts';
export type { MetricsEventRequest } from './lifecycle/metrics-event.ts';
export { metricsEventRequest } from './lifecycle/metrics-event.ts';
export type { CreatePoolRequest, PoolBody, UpdatePoolRequest } from './lifecycle/pool.ts';
export { createPoolRequest, updatePoolRequest } from './lifecycle/pool.ts';
export type {
  CreateSandboxBody,
  PatchMetadataRequest,
  RenewBody,
  RenewRequest,
  SandboxBody,
  SandboxStatusBody,
} from './lifecycle/sandbox.ts';
export { patchMetadataRequest, renewRequest } from './lifecycle/sandbox.ts';
export type { CreateSnapshotRequest, SnapshotBody } from './lifecycle/snapshot.ts';
export { createSnapshotRequest } from './lifecycle/snapshot.ts';
export type { Volume } from './lifecycle/volume.ts';
export { parseMetadataQuery } from './metadata-query.ts';
export { openApiDocument } from './openapi/document.ts';
export type { Instant } from './timestamp.ts';
export { formatTimestamp, parseTimestamp } from './timestamp.ts';
export type { Where, WireIssue } from './validation/issue.ts';
export { issuesOf, refuse } from './validation/issue.ts';
export type { Checked, WireSchema } from './validation/wire-schema.ts';
export { validate } from './validation/wire-schema.ts';
