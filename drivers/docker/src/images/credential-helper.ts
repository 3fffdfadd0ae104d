import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Clock, Logger } from '@opensandbox/base';
import { checkAborted, deadline } from '@opensandbox/base';
import { engineTimeout } from '../faults.ts';
import type { Credentials } from './registry-auth.ts';

const HELPER_MS = 10_000;
/** The helper's way of saying that `Secret` is a token, not a password. */
const TOKEN_USER = '<token>';

export interface HelperCall {
  /** What follows `docker-credential-` in the program's name. */
  readonly helper: string;
  readonly server: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Asks a credential helper. A helper that fails or knows nothing means no credentials: the registry decides. */
export async function runCredentialHelper(
  call: HelperCall,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/.test(call.helper)) {
    call.log.warn('docker.credential_helper_refused', { helper: call.helper });
    return undefined;
  }
  using limit = deadline(call.clock, HELPER_MS, signal, () =>
    engineTimeout('a credential helper', HELPER_MS),
  );
  try {
    return readHelperAnswer(await runHelper(call, limit.signal));
  } catch {
    checkAborted(signal);
    call.log.warn('docker.credential_helper_failed', { helper: call.helper }); // its output may hold a secret
    return undefined;
  }
}

async function runHelper(call: HelperCall, signal: AbortSignal): Promise<string> {
  const child = spawn(`docker-credential-${call.helper}`, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    signal,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  child.stdin.on('error', () => undefined); // a helper may end without reading
  child.stdin.end(`${call.server}\n`);
  const [code, output] = await Promise.all([ended, text(child.stdout)]);
  if (code !== 0) throw new Error(`exit code ${code ?? 'none'}`);
  return output;
}

export function readHelperAnswer(output: string): Credentials | undefined {
  const answer: unknown = JSON.parse(output);
  if (typeof answer !== 'object' || answer === null) return undefined;
  const user = 'Username' in answer ? answer.Username : undefined;
  const secret = 'Secret' in answer ? answer.Secret : undefined;
  if (typeof user !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  return user === TOKEN_USER ? { identitytoken: secret } : { username: user, password: secret };
}
