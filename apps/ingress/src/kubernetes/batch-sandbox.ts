import { isRecord } from '@opensandbox/kubernetes';
import type { KubernetesObject, Resource } from '@opensandbox/kubernetes';
import { seenSandbox } from './seen-sandbox.ts';
import type { SeenSandbox } from './seen-sandbox.ts';

export const BATCH_SANDBOXES: Resource = {
  group: 'sandbox.opensandbox.io',
  version: 'v1alpha1',
  plural: 'batchsandboxes',
};

const ENDPOINTS = 'sandbox.opensandbox.io/endpoints';

/** A BatchSandbox has the id of its sandbox as its name; its controller writes the addresses of its pods. */
export function readBatchSandbox(object: KubernetesObject): SeenSandbox {
  const status = object['status'];
  const ready = isRecord(status) ? status['ready'] : undefined;
  const isReady = typeof ready === 'number' && ready >= 1;
  return seenSandbox(object, isReady, firstOf(object.metadata.annotations?.[ENDPOINTS]));
}

/** Of a JSON list of addresses. The controller writes `[""]` before there is one. */
function firstOf(endpoints: string | undefined): string | undefined {
  try {
    const list: unknown = JSON.parse(endpoints ?? '[]');
    const first: unknown = Array.isArray(list) ? list[0] : undefined;
    return typeof first === 'string' ? first : undefined;
  } catch {
    return undefined; // no address yet, whatever it says
  }
}

export function batchSandboxNames(id: string): readonly string[] {
  return [id];
}
