import type { Lifecycle } from '@opensandbox/core';
import type { Meters } from '@opensandbox/telemetry';

/** Shown as nothing rather than not at all: what is watched for must have a line. */
const STATES = ['Pending', 'Running', 'Pausing', 'Paused', 'Resuming', 'Stopping', 'Terminated', 'Failed'];
const EVERYTHING = { states: undefined, metadata: {}, page: 1, pageSize: Number.MAX_SAFE_INTEGER };

/** What there is, counted when somebody asks. */
export function measureState(meters: Meters, lifecycle: Pick<Lifecycle, 'list'>): void {
  meters.observed(
    {
      name: 'opensandbox_sandboxes',
      help: 'Sandboxes by the state that clients see.',
      labels: ['state'],
      kind: 'gauge',
    },
    (observe) => {
      const counts = new Map(STATES.map((state) => [state, 0]));
      for (const { status } of lifecycle.list(EVERYTHING).items) {
        counts.set(status.state, (counts.get(status.state) ?? 0) + 1);
      }
      for (const [state, count] of counts) observe(count, state);
    },
  );
  meters.observed(
    {
      name: 'opensandbox_index_sandboxes',
      help: 'Sandboxes whose address the index knows from the engine.',
      kind: 'gauge',
    },
    (observe) => {
      observe(lifecycle.list(EVERYTHING).items.filter(({ reach }) => reach.kind !== 'none').length);
    },
  );
}
