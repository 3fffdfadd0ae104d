import type { Meters } from '@opensandbox/telemetry';

/** What is known of the queue in which gateways leave word. */
export interface RenewQueueState {
  readonly connections: number;
  readonly delivered: number;
  readonly malformed: number;
  readonly stale: number;
}

/** How Redis is, and what came from it. */
export function measureRenewQueue(meters: Meters, read: () => RenewQueueState): void {
  meters.observed(
    {
      name: 'opensandbox_renew_queue_connections',
      help: 'Connections to the Redis of renew intents that work.',
      kind: 'gauge',
    },
    (observe) => observe(read().connections),
  );
  meters.observed(
    {
      name: 'opensandbox_renew_intents_total',
      help: 'Renew intents taken from Redis: passed on, not understood, or too old.',
      labels: ['outcome'],
      kind: 'counter',
    },
    (observe) => {
      const { delivered, malformed, stale } = read();
      observe(delivered, 'delivered');
      observe(malformed, 'malformed');
      observe(stale, 'stale');
    },
  );
}
