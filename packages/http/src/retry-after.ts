/** Value of a `Retry-After` header: whole seconds, rounded up, at least one. */
export function formatRetryAfter(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}
