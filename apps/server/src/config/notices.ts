import { Secret } from '@opensandbox/base';
import type { Fields } from '@opensandbox/base';
import type { Environment } from './environment.ts';
import type { KeyNode } from './key-tree.ts';
import { unknownKeys } from './unknown-keys.ts';

/** Something to log about the configuration that does not keep the server from starting. */
export interface Notice {
  readonly level: 'info' | 'warn';
  readonly event: string;
  readonly fields: Fields;
}

export function findNotice(path: string, found: boolean): Notice[] {
  return found ? [] : [{ level: 'info', event: 'config.file_missing', fields: { path } }];
}

export function unknownKeyNotices(document: unknown, tree: KeyNode): Notice[] {
  return unknownKeys(document, tree).map(({ path, hint }) => ({
    level: 'warn',
    event: 'config.unknown_key',
    fields: { name: path, note: hint ?? 'it has no effect' },
  }));
}

/** The API key in force. A blank variable counts as unset: an empty mounted secret must not turn auth off. */
export function effectiveApiKey(
  env: Environment,
  fromFile: Secret | undefined,
): { readonly apiKey: Secret | undefined; readonly notices: readonly Notice[] } {
  const variable = env['OPENSANDBOX_SERVER_API_KEY'];
  const isBlank = variable !== undefined && variable.trim() === '';
  const source = variable !== undefined && !isBlank ? 'OPENSANDBOX_SERVER_API_KEY' : 'server.api_key';
  const raw = source === 'server.api_key' ? (fromFile?.reveal() ?? '') : (variable ?? '');
  const trimmed = raw.trim();
  const notices: Notice[] = [];
  if (isBlank) {
    notices.push({
      level: 'warn',
      event: 'config.blank_variable_ignored',
      fields: { name: 'OPENSANDBOX_SERVER_API_KEY', note: 'server.api_key of the file stays in force' },
    });
  }
  if (trimmed !== raw && trimmed !== '') {
    notices.push({
      level: 'warn',
      event: 'config.spaces_removed',
      fields: { name: source, note: 'no client can send a key with surrounding spaces' },
    });
  }
  return { apiKey: trimmed === '' ? undefined : new Secret(trimmed), notices };
}

/** `eip` is put in front of `:port`, so a port or a scheme in it makes endpoints that nobody can reach. */
export function eipNotice(config: {
  readonly server: { readonly eip?: string | undefined };
  readonly runtime: { readonly type: string };
}): Notice[] {
  const { eip } = config.server;
  if (eip === undefined || config.runtime.type !== 'docker') return [];
  const hasMore = eip.includes('://') || /:\d+$/.test(eip.replace(/^\[.*\]/, '')) || eip.includes('/');
  if (!hasMore) return [];
  const note =
    'direct endpoints are <eip>:<port>; use server.public_url for the address of the server itself';
  return [{ level: 'warn', event: 'config.eip_is_not_a_host', fields: { name: 'server.eip', note } }];
}

/** The shortest extension that a sandbox may ask for. */
const LEAST_EXTENSION_SECONDS = 300;

/** With an interval as long as an extension, a sandbox that is in use all the time expires between two renewals. */
export function renewNotice({
  renewIntent,
}: {
  readonly renewIntent: { readonly enabled: boolean; readonly minIntervalSeconds: number };
}): Notice[] {
  if (!renewIntent.enabled || renewIntent.minIntervalSeconds < LEAST_EXTENSION_SECONDS) return [];
  const name = 'renew_intent.min_interval_seconds';
  const note = `sandboxes may ask to be prolonged by ${LEAST_EXTENSION_SECONDS} s; they expire before the next renewal`;
  return [{ level: 'warn', event: 'config.renew_interval_is_long', fields: { name, note } }];
}
