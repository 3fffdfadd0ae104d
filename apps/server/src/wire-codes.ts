import type { Fault } from '@opensandbox/base';
import type { ErrorBody } from '@opensandbox/contract';
import { issuesOf } from '@opensandbox/contract';
import type { FaultCode } from '@opensandbox/core';
import { FAULT_STATUS, publicMessage } from '@opensandbox/http';

/** Codes of Faults that the HTTP side itself raises, beside those of core and drivers. */
export const SERVER_FAULT_CODES = {
  'request.invalid': 'The request does not have the shape that the API asks for.',
  'request.unreadable': 'The body cannot be read as JSON at all.',
  'request.metadata_query': 'The metadata filter is no list of key=value pairs.',
  'request.too_large': 'The body is larger than the API takes.',
  'auth.missing': 'The API key header is absent or empty.',
  'auth.invalid': 'The API key is another one.',
  'route.not_found': 'No route has this path.',
  'route.method_not_allowed': 'The path has no such method.',
  'server.overloaded': 'More requests run than the server takes.',
  'endpoint.signing_unsupported': 'This runtime signs no endpoints.',
  'pool.ref_unsupported': 'This runtime takes no sandbox from a pool.',
  'server.closing': 'The server is stopping.',
  'proxy.refused': 'The proxy does not forward such a request.',
  'proxy.denied': 'The proxy keeps visitors from this port.',
  'proxy.unreachable': 'The service inside the sandbox does not answer.',
  'proxy.timeout': 'The service inside the sandbox took too long.',
  'volume.duplicate_name': 'Two volumes have the same name.',
  'volume.ossfs_bucket': 'An OSSFS bucket is blank.',
  'volume.ossfs_endpoint': 'An OSSFS endpoint is blank.',
  'volume.ossfs_option': 'An OSSFS option is blank or begins with a dash.',
} as const satisfies Record<string, string>;

export type ServerFaultCode = keyof typeof SERVER_FAULT_CODES;

export interface PublicCode {
  readonly status: number;
  readonly code: string;
}

interface PublicCodes extends PublicCode {
  /** Where Kubernetes differs from Docker. */
  readonly kubernetes?: PublicCode;
}

const UNKNOWN = 'GENERAL::UNKNOWN_ERROR';

const unknown = (status: number): PublicCodes => ({ status, code: UNKNOWN });
const same = (status: number, code: string): PublicCodes => ({ status, code });
const pair = (docker: PublicCode, kubernetes: PublicCode): PublicCodes => ({ ...docker, kubernetes });
const docker = (status: number, name: string): PublicCode => ({ status, code: `DOCKER::${name}` });
const kubernetes = (status: number, name: string): PublicCode => ({ status, code: `KUBERNETES::${name}` });
const apiError = kubernetes(500, 'API_ERROR');

/** The one place where internal codes become public ones. Quirks included: Kubernetes also says `DOCKER::INVALID_PORT`. */
export const PUBLIC_CODES: Readonly<Record<FaultCode | ServerFaultCode, PublicCodes>> = {
  'sandbox.not_found': pair(docker(404, 'SANDBOX_NOT_FOUND'), kubernetes(404, 'SANDBOX_NOT_FOUND')),
  'sandbox.deleted': pair(docker(404, 'SANDBOX_NOT_FOUND'), kubernetes(404, 'SANDBOX_NOT_FOUND')),
  'sandbox.paused': pair(docker(409, 'SANDBOX_NOT_RUNNING'), kubernetes(409, 'INVALID_STATE')),
  'sandbox.not_ready': pair(docker(503, 'SANDBOX_NOT_READY'), kubernetes(503, 'SANDBOX_NOT_READY')),
  'sandbox.gone': pair(docker(410, 'SANDBOX_GONE'), kubernetes(410, 'SANDBOX_GONE')),
  'sandbox.not_running': pair(docker(409, 'SANDBOX_NOT_RUNNING'), kubernetes(409, 'INVALID_STATE')),
  'sandbox.not_paused': pair(docker(409, 'SANDBOX_NOT_PAUSED'), kubernetes(409, 'INVALID_STATE')),
  'sandbox.pause_failed': pair(docker(500, 'SANDBOX_PAUSE_FAILED'), apiError),
  'sandbox.resume_failed': pair(docker(500, 'SANDBOX_RESUME_FAILED'), apiError),
  'sandbox.delete_failed': pair(docker(500, 'SANDBOX_DELETE_FAILED'), apiError),
  'sandbox.query_failed': pair(docker(500, 'SANDBOX_QUERY_FAILED'), apiError),
  'sandbox.start_failed': pair(docker(500, 'SANDBOX_START_FAILED'), apiError),
  'runtime.missing': unknown(500),
  'image.pull_failed': pair(docker(500, 'SANDBOX_IMAGE_PULL_FAILED'), apiError),
  'agent.start_failed': pair(docker(503, 'SANDBOX_EXECD_START_FAILED'), apiError),
  'agent.distribution_failed': pair(docker(500, 'SANDBOX_EXECD_DISTRIBUTION_FAILED'), apiError),
  'agent.bootstrap_failed': pair(docker(500, 'SANDBOX_BOOTSTRAP_INSTALL_FAILED'), apiError),
  'agent.not_ready': pair(docker(500, 'SANDBOX_START_FAILED'), kubernetes(504, 'POD_READY_TIMEOUT')),
  'entrypoint.invalid': same(400, 'DOCKER::INVALID_ENTRYPOINT'),
  'port.invalid': same(400, 'DOCKER::INVALID_PORT'),
  'endpoint.unavailable': pair(
    docker(500, 'NETWORK_MODE_ENDPOINT_UNAVAILABLE'),
    kubernetes(404, 'POD_IP_NOT_AVAILABLE'),
  ),
  'expiration.in_past': same(400, 'DOCKER::INVALID_EXPIRATION'),
  'expiration.disabled': same(409, 'DOCKER::INVALID_EXPIRATION'),
  'parameter.invalid': same(400, 'SANDBOX::INVALID_PARAMETER'),
  'metadata.invalid': same(400, 'SANDBOX::INVALID_METADATA_LABEL'),
  'metadata.reserved': same(400, 'INVALID_METADATA_LABEL'),
  'pool.unsupported': same(501, 'KUBERNETES::POOL_NOT_SUPPORTED'),
  'feature.unsupported': pair(
    { status: 400, code: 'SANDBOX::INVALID_PARAMETER' },
    kubernetes(400, 'INVALID_STATE'),
  ),
  'volume.mount_path': same(400, 'VOLUME::INVALID_MOUNT_PATH'),
  'volume.sub_path': same(400, 'VOLUME::INVALID_SUB_PATH'),
  'volume.host_path': same(400, 'VOLUME::INVALID_HOST_PATH'),
  'volume.host_path_not_allowed': same(400, 'VOLUME::HOST_PATH_NOT_ALLOWED'),
  'volume.host_path_failed': same(500, 'VOLUME::HOST_PATH_CREATE_FAILED'),
  'volume.not_found': same(400, 'VOLUME::PVC_NOT_FOUND'),
  'volume.query_failed': same(500, 'VOLUME::PVC_INSPECT_FAILED'),
  'volume.sub_path_unsupported': same(400, 'VOLUME::PVC_SUBPATH_UNSUPPORTED_DRIVER'),
  'volume.busy': docker(409, 'SANDBOX_DELETE_FAILED'),
  'volume.ossfs_root': same(500, 'VOLUME::INVALID_OSSFS_MOUNT_ROOT'),
  'volume.ossfs_conflict': same(409, 'VOLUME::OSSFS_MOUNT_FAILED'),
  'volume.ossfs_failed': same(500, 'VOLUME::OSSFS_MOUNT_FAILED'),
  'snapshot.not_found': same(404, 'SNAPSHOT::NOT_FOUND'),
  'snapshot.source_state': same(409, 'SNAPSHOT::INVALID_SOURCE_STATE'),
  'snapshot.capturing': pair(docker(409, 'SANDBOX_NOT_RUNNING'), kubernetes(409, 'INVALID_STATE')),
  'snapshot.not_ready': same(409, 'SNAPSHOT::NOT_READY'),
  'snapshot.restore_config': same(409, 'SNAPSHOT::INVALID_RESTORE_CONFIG'),
  'snapshot.state': same(409, 'SNAPSHOT::INVALID_STATE'),
  'snapshot.delete_conflict': same(409, 'SNAPSHOT::DELETE_CONFLICT'),
  'snapshot.failed': unknown(500),
  'snapshot.queue_full': unknown(503),
  'snapshot.unsupported': same(501, 'SNAPSHOT::NOT_IMPLEMENTED'),
  'diagnostics.unsupported': same(501, 'DIAGNOSTICS_NOT_IMPLEMENTED'),
  'store.exists': unknown(500),
  'store.busy': unknown(503),
  'store.failed': unknown(500),
  'engine.unavailable': pair(docker(503, 'SANDBOX_QUERY_FAILED'), kubernetes(503, 'API_ERROR')),
  'engine.timeout': pair(docker(504, 'SANDBOX_QUERY_FAILED'), kubernetes(504, 'API_ERROR')),
  'engine.failed': pair(docker(500, 'SANDBOX_QUERY_FAILED'), apiError),
  'operation.cancelled': unknown(499),
  'internal.unexpected': unknown(500),

  'request.invalid': same(422, 'GENERAL::INVALID_REQUEST'),
  'request.unreadable': same(400, 'GENERAL::INVALID_REQUEST'),
  'request.metadata_query': same(400, 'INVALID_METADATA_FORMAT'),
  'request.too_large': same(413, 'GENERAL::BODY_TOO_LARGE'),
  'auth.missing': same(401, 'MISSING_API_KEY'),
  'auth.invalid': same(401, 'INVALID_API_KEY'),
  'route.not_found': same(404, 'GENERAL::NOT_FOUND'),
  'route.method_not_allowed': same(405, 'GENERAL::METHOD_NOT_ALLOWED'),
  'server.overloaded': same(503, 'GENERAL::OVERLOADED'),
  'endpoint.signing_unsupported': same(400, 'SANDBOX::API_NOT_SUPPORTED'),
  'pool.ref_unsupported': same(400, 'SANDBOX::UNSUPPORTED_POOL_REF'),
  'server.closing': unknown(503),
  'proxy.refused': unknown(400),
  'proxy.denied': same(403, 'GENERAL::FORBIDDEN'),
  'proxy.unreachable': unknown(502),
  'proxy.timeout': unknown(504),
  'volume.duplicate_name': same(400, 'VOLUME::DUPLICATE_NAME'),
  'volume.ossfs_bucket': same(400, 'VOLUME::INVALID_OSSFS_BUCKET'),
  'volume.ossfs_endpoint': same(400, 'VOLUME::INVALID_OSSFS_ENDPOINT'),
  'volume.ossfs_option': same(400, 'VOLUME::INVALID_OSSFS_OPTION'),
};

/** Older clients look for `detail` in these answers; `code` and `message` stand beside it. */
const DETAILS: ReadonlyMap<string, string> = new Map([
  ['request.unreadable', 'There was an error parsing the body'],
  ['route.not_found', 'Not Found'],
  ['route.method_not_allowed', 'Method Not Allowed'],
]);

export interface ErrorResponse {
  readonly status: number;
  readonly body: ErrorBody;
}

/** The answer to a request that ended with a Fault. `runtime` is the driver's name. */
export function faultToResponse(fault: Fault, runtime: string): ErrorResponse {
  const { status, code } = publicCode(fault, runtime);
  const body = { code, message: publicMessage(fault) };
  if (fault.code === 'request.invalid') return { status, body: { detail: issuesOf(fault), ...body } };
  const detail = DETAILS.get(fault.code);
  return { status, body: detail === undefined ? body : { detail, ...body } };
}

/** A code that is not in the table answers by its kind. */
export function publicCode(fault: Fault, runtime: string): PublicCode {
  if (!Object.hasOwn(PUBLIC_CODES, fault.code)) return unknown(FAULT_STATUS[fault.kind]);
  const codes = PUBLIC_CODES[fault.code as FaultCode | ServerFaultCode];
  return runtime === 'kubernetes' ? (codes.kubernetes ?? codes) : codes;
}

/** A Fault where a client reads a sentence only: its public code, when it has one, and what happened. */
export function explainFault(fault: Fault, runtime: string): string {
  const { code } = publicCode(fault, runtime);
  return code === UNKNOWN ? publicMessage(fault) : `${code}: ${publicMessage(fault)}`;
}
