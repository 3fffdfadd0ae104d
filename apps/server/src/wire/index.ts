export type { CreatePolicy } from './create-policy.ts';
export { formatCreate } from './format-create.ts';
export type { ProxyBaseInput } from './format-endpoint.ts';
export { formatEndpoint, formatProxyEndpoint, proxyBase } from './format-endpoint.ts';
export { formatSandbox, formatSandboxList } from './format-sandbox.ts';
export type { ParsedCreate } from './parse-create.ts';
export { parseCreate } from './parse-create.ts';
export type { EndpointRequest } from './parse-endpoint.ts';
export { parseEndpoint, parsePort } from './parse-endpoint.ts';
export type { SnapshotQuery } from './parse-list.ts';
export { parseList, parseSnapshotList } from './parse-list.ts';
export { parsePatch } from './parse-patch.ts';
export type { Renewal } from './parse-renew.ts';
export { parseRenew } from './parse-renew.ts';
export {
  parseCreatePool,
  parseCreateSnapshot,
  parseDiagnosticEvents,
  parseDiagnosticLogs,
  parseDiagnosticSummary,
  parseMetricsEvent,
  parseUpdatePool,
} from './parse-surroundings.ts';
export type { QueryInput } from './query-text.ts';
export { readQuery } from './query-text.ts';
