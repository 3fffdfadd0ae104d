import type { FaultKind } from '@opensandbox/base';

/** The HTTP status of each kind of Fault, where a public contract does not ask for another one. */
export const FAULT_STATUS: Readonly<Record<FaultKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  exhausted: 429,
  unsupported: 501,
  unavailable: 503,
  timeout: 504,
  /** Nobody reads this answer: the caller has gone. The number is for logs. */
  cancelled: 499,
  internal: 500,
};
