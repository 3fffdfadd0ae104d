import { Fault } from '@opensandbox/base';

const RENEW_KEY = 'access.renew.extend.seconds';
const LEAST = 300;
const MOST = 86_400;

type Extensions = Readonly<Record<string, string>>;

/** Seconds that an access prolongs the sandbox by; undefined when the extension is absent. */
export function parseAccessRenew(extensions: Extensions): number | undefined {
  const raw = extensions[RENEW_KEY];
  if (raw === undefined) return undefined;
  const text = raw.trim();
  if (text === '') {
    throw renewFault(
      'empty value; omit the key to disable renew-on-access, or use an integer between 300 and 86400 seconds.',
    );
  }
  if (!/^[+-]?\d+(?:_\d+)*$/.test(text)) {
    throw renewFault(`must be a base-10 integer string between 300 and 86400, got '${raw}'.`);
  }
  const seconds = Number(text.replaceAll('_', ''));
  if (seconds < LEAST || seconds > MOST) {
    throw renewFault(
      `must be between 300 and 86400 seconds (5 minutes to 24 hours inclusive), got ${seconds}.`,
    );
  }
  return seconds;
}

function renewFault(why: string): Fault {
  return new Fault('invalid', 'parameter.invalid', `Invalid extensions["${RENEW_KEY}"]: ${why}`);
}

/** Pools exist on Kubernetes only. A blank reference is none. */
export function refusePool(extensions: Extensions): void {
  if ((extensions['poolRef'] ?? '').trim() === '') return;
  throw new Fault(
    'unsupported',
    'pool.ref_unsupported',
    'poolRef is not supported by the Docker provider. Use Kubernetes BatchSandbox provider instead.',
  );
}
