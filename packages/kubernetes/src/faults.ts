import { Fault, isFault } from '@opensandbox/base';
import type { FaultKind } from '@opensandbox/base';
import { isRecord } from './resource.ts';

/** Every code that this package puts into a Fault. */
export const KUBERNETES_FAULT_CODES = {
  'kubernetes.config': 'The kubeconfig or the service account cannot be used.',
  'kubernetes.unavailable': 'The API server cannot be reached, or is overloaded.',
  'kubernetes.timeout': 'The API server took too long.',
  'kubernetes.unauthenticated': 'The API server does not know these credentials.',
  'kubernetes.forbidden': 'These credentials lack a right.',
  'kubernetes.not_found': 'The object or the kind does not exist.',
  'kubernetes.conflict': 'The object was changed by somebody else, or exists.',
  'kubernetes.expired': 'This resource version is too old: list again.',
  'kubernetes.invalid': 'The API server refuses the request.',
  'kubernetes.failed': 'The API server answered something that cannot be used.',
} as const satisfies Record<string, string>;

export type KubernetesFaultCode = keyof typeof KUBERNETES_FAULT_CODES;

const BY_STATUS: Readonly<Record<number, readonly [FaultKind, KubernetesFaultCode]>> = {
  400: ['invalid', 'kubernetes.invalid'],
  401: ['unauthenticated', 'kubernetes.unauthenticated'],
  403: ['forbidden', 'kubernetes.forbidden'],
  404: ['not_found', 'kubernetes.not_found'],
  408: ['timeout', 'kubernetes.timeout'],
  409: ['conflict', 'kubernetes.conflict'],
  410: ['conflict', 'kubernetes.expired'],
  422: ['invalid', 'kubernetes.invalid'],
  429: ['unavailable', 'kubernetes.unavailable'],
  502: ['unavailable', 'kubernetes.unavailable'],
  503: ['unavailable', 'kubernetes.unavailable'],
  504: ['timeout', 'kubernetes.timeout'],
};

const LONGEST_MESSAGE = 500;

export interface Refusal {
  readonly status: number;
  /** The parsed body: usually an object of kind Status. */
  readonly body: unknown;
  /** What was asked, for people: `list pods`. */
  readonly what: string;
  readonly retryAfterMs?: number | undefined;
}

/** The Fault for an answer that is no success. Its message may name users and namespaces: it belongs into logs. */
export function refusalFault(refusal: Refusal): Fault {
  const { status, body, what, retryAfterMs } = refusal;
  const [kind, code] = BY_STATUS[status] ?? (['internal', 'kubernetes.failed'] as const);
  const said = isRecord(body) && typeof body['message'] === 'string' ? body['message'] : '';
  const answer = said === '' ? '' : `: ${said.slice(0, LONGEST_MESSAGE)}`;
  return new Fault(kind, code, `The API server answers ${status} to "${what}"${answer}`, {
    details: { status },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The Fault for a connection that could not be made or broke. */
export function connectionFault(error: unknown, what: string): Fault {
  if (isFault(error)) return error;
  const reason =
    error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : 'unknown';
  return new Fault('unavailable', 'kubernetes.unavailable', `No answer to "${what}": ${reason}.`, {
    cause: error,
  });
}

export function timeoutFault(what: string, ms: number): Fault {
  return new Fault('timeout', 'kubernetes.timeout', `No answer to "${what}" within ${ms} ms.`);
}

export function configFault(message: string, cause?: unknown): Fault {
  return new Fault('invalid', 'kubernetes.config', message, { cause });
}

/** An answer that is not what the API promises. */
export function answerFault(message: string, cause?: unknown): Fault {
  return new Fault('internal', 'kubernetes.failed', message, { cause });
}

export function isExpired(error: unknown): boolean {
  return isFault(error) && error.code === 'kubernetes.expired';
}
