export type { CreatePolicy } from './create-policy.ts';
export { formatCreate } from './format-create.ts';
export type { DescriptorInput, SummaryInput } from './format-diagnostics.ts';
export { DESCRIPTOR_BYTES, formatDescriptor, formatLogText, formatSummary } from './format-diagnostics.ts';
export type { ProxyBaseInput } from './format-endpoint.ts';
export { formatEndpoint, formatProxyEndpoint, proxyBase } from './format-endpoint.ts';
export { formatSandbox, formatSandboxList } from './format-sandbox.ts';
export { formatSnapshot, formatSnapshotList } from './format-snapshot.ts';
export type { ParsedCreate } from './parse-create.ts';
export { parseCreate } from './parse-create.ts';
export type {
  DiagnosticEventsRequest,
  DiagnosticLogsRequest,
  DiagnosticSummaryRequest,
} from './parse-diagnostics.ts';
export { parseDiagnosticEvents, parseDiagnosticLogs, parseDiagnosticSummary } from './parse-diagnostics.ts';
export type { EndpointRequest } from './parse-endpoint.ts';
export { parseEndpoint, parsePort } from './parse-endpoint.ts';
export { parseList, parseSnapshotList } from './parse-list.ts';
export { parsePatch } from './parse-patch.ts';
export type { Renewal } from './parse-renew.ts';
export { parseRenew } from './parse-renew.ts';
export {
  parseCreatePool,
  parseCreateSnapshot,
  parseMetricsEvent,
  parseUpdatePool,
} from './parse-surroundings.ts';
export type { QueryInput } from './query-text.ts';
export { readQuery } from './query-text.ts';
