import type { Fault } from '@opensandbox/base';
import { toFault } from '@opensandbox/base';
import type { Lifecycle } from '@opensandbox/core';
import type { Instruments } from './instruments.ts';

export interface MeasuredLifecycleDeps {
  readonly instruments: Instruments;
  readonly publicCode: (fault: Fault) => string;
}

/** What clients ask for, counted by how it was answered. */
export function measuredLifecycle(lifecycle: Lifecycle, deps: MeasuredLifecycleDeps): Lifecycle {
  const { instruments, publicCode } = deps;
  return {
    ...lifecycle,
    async create(request, signal) {
      try {
        const created = await lifecycle.create(request, signal);
        instruments.creates.of('accepted', '').add(1);
        return created;
      } catch (error) {
        instruments.creates.of('refused', publicCode(toFault(error))).add(1);
        throw error;
      }
    },
    async renew(id, expiresAt, signal) {
      try {
        const renewed = await lifecycle.renew(id, expiresAt, signal);
        instruments.renewals.of('api', 'renewed').add(1);
        return renewed;
      } catch (error) {
        instruments.renewals.of('api', 'refused').add(1);
        throw error;
      }
    },
  };
}
