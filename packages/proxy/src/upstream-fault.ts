import { Fault } from '@opensandbox/base';

const NO_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Texts name the sandbox and port only: proxied routes need no key, so nothing internal may show. */
export function upstreamFault(name: string, error: unknown): Fault {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const because = { cause: error };
  if (NO_CONNECTION.has(code)) {
    const text = `Could not connect to the backend sandbox: nothing listens on ${name}.`;
    return new Fault('unavailable', 'proxy.unreachable', text, because);
  }
  const internal = 'An internal error occurred in the proxy:';
  if (code === 'ETIMEDOUT') {
    return new Fault('timeout', 'proxy.timeout', `${internal} ${name} did not answer in time.`, because);
  }
  const text = `${internal} ${name} closed the connection or sent no valid HTTP answer.`;
  return new Fault('unavailable', 'proxy.unreachable', text, because);
}
