import type { Environment } from '@opensandbox/process';
import type { Passthrough } from './session-request.ts';

/** The agent's own settings, and names that usually hold a secret. */
const SECRET =
  /^EXECD_|^_EXECD_|^OPENSANDBOX_|^JUPYTER_TOKEN$|(_API_KEY|_TOKEN|_SECRET|_PASSWORD)$|^(AWS|ALI|ALIYUN|K8S|KUBE)_/i;

/** A session without these could hardly run anything; with `allow` it gets nothing else that is not listed. */
const ALWAYS = ['PATH', 'HOME', 'LANG', 'TERM'];

/** `deny`: all but the listed names and what may be secret. `allow`: what is listed, even that. */
export function sessionEnvironment(
  own: Environment,
  passthrough: Passthrough = { mode: 'deny', keys: [] },
): Record<string, string> {
  const keys = new Set(passthrough.keys);
  const passes = (name: string): boolean => {
    if (passthrough.mode === 'allow') return keys.has(name) || ALWAYS.includes(name);
    return !keys.has(name) && !SECRET.test(name);
  };
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && passes(name)) env[name] = value;
  }
  return env;
}
