import { createHash } from 'node:crypto';
import { isRecord } from '@opensandbox/kubernetes';
import type { KubernetesObject, Resource } from '@opensandbox/kubernetes';
import { seenSandbox } from './seen-sandbox.ts';
import type { SeenSandbox } from './seen-sandbox.ts';

export const AGENT_SANDBOXES: Resource = {
  group: 'agents.x-k8s.io',
  version: 'v1alpha1',
  plural: 'sandboxes',
};

/** A Sandbox is reached through its service. */
export function readAgentSandbox(object: KubernetesObject): SeenSandbox {
  const status = isRecord(object['status']) ? object['status'] : {};
  const conditions: readonly unknown[] = Array.isArray(status['conditions']) ? status['conditions'] : [];
  const isReady = conditions.some(
    (condition) => isRecord(condition) && condition['type'] === 'Ready' && condition['status'] === 'True',
  );
  const name = status['serviceFQDN'];
  return seenSandbox(object, isReady, typeof name === 'string' ? name : undefined);
}

/** The names that the object of an id may have, in the order they are tried. */
export function agentSandboxNames(id: string): readonly string[] {
  const prefixed = id.startsWith(PREFIX) ? id : `${PREFIX}${id}`;
  return [...new Set([labelName(id), id, prefixed])];
}

const PREFIX = 'sandbox-';
const LONGEST = 63;
const HASH_LENGTH = 8;

/** The id as a DNS label that begins with a letter. What gets lost by cutting it comes back as a hash. */
export function labelName(id: string): string {
  const hash = createHash('sha256').update(id).digest('hex').slice(0, HASH_LENGTH);
  const plain = id
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/-+/g, '-')
    .replace(/^-|-$/g, '');
  if (plain === '') return `${PREFIX}${hash}`;
  const name = /^[a-z]/.test(plain) ? plain : `${PREFIX}${plain}`;
  if (name.length <= LONGEST) return name;
  const cut = name.slice(0, LONGEST - HASH_LENGTH - 1).replace(/-+$/, '');
  return `${cut === '' ? 'sandbox' : cut}-${hash}`;
}
