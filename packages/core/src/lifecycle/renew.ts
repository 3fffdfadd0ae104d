import { Fault } from '@opensandbox/base';
import type { Moment, SandboxId } from '../sandbox.ts';
import type { Context } from './context.ts';
import { notFound, removalDueAt, requireRecord } from './context.ts';

/** Moves the deadline, earlier or later. Whether an expiry at the same instant wins is up to the store's order. */
export async function renew(context: Context, id: SandboxId, moment: number | Moment): Promise<number> {
  const { ms: expiresAt, micros } = typeof moment === 'number' ? { ms: moment, micros: 0 } : moment;
  requireRecord(context, id);
  const renewed = await context.store.update(id, (current) => {
    if (expiresAt <= context.clock.now()) {
      throw new Fault('invalid', 'expiration.in_past', 'New expiration time must be in the future.');
    }
    if (current.expiresAt === undefined) {
      const message = `Sandbox ${id} does not have automatic expiration enabled.`;
      throw new Fault('conflict', 'expiration.disabled', message);
    }
    if (current.intent === 'destroy') throw notFound(id);
    return { ...current, expiresAt, expiresAtMicros: micros === 0 ? undefined : micros };
  });
  context.deadlines.set(id, removalDueAt(context, renewed));
  return expiresAt;
}
