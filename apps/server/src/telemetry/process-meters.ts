import { readdirSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Meters } from '@opensandbox/telemetry';

/** How often the event loop is asked whether it is on time. */
const RESOLUTION_MS = 20;
/** Delays are those of the last while, so that an old one does not stay for ever. */
const WINDOW_MS = 60_000;
const NANOSECONDS = 1e9;

/** Processor, memory and the event loop of this process, under the names that dashboards know. */
export function measureProcess(meters: Meters): Disposable {
  meters.observed(
    { name: 'process_cpu_seconds_total', help: 'Processor time of the process.', kind: 'counter' },
    (observe) => {
      const { user, system } = process.cpuUsage();
      observe((user + system) / 1e6);
    },
  );
  meters.observed(
    { name: 'process_resident_memory_bytes', help: 'Memory of the process.', kind: 'gauge' },
    (observe) => observe(process.memoryUsage.rss()),
  );
  meters.observed(
    { name: 'nodejs_heap_used_bytes', help: 'Live and not yet collected objects.', kind: 'gauge' },
    (observe) => observe(process.memoryUsage().heapUsed),
  );
  meters.observed({ name: 'process_open_fds', help: 'Open file descriptors.', kind: 'gauge' }, (observe) =>
    observe(readdirSync('/proc/self/fd').length),
  );
  meters.observed(
    { name: 'process_start_time_seconds', help: 'When the process started, since the epoch.', kind: 'gauge' },
    (observe) => observe(performance.timeOrigin / 1000),
  );
  return measureLoop(meters);
}

function measureLoop(meters: Meters): Disposable {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let since = performance.now();
  const seconds = (nanoseconds: number): number =>
    Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000);
  meters.observed(
    {
      name: 'opensandbox_event_loop_delay_seconds',
      help: 'How late the event loop is, over about the last minute.',
      labels: ['statistic'],
      kind: 'gauge',
    },
    (observe) => {
      observe(delay.count === 0 ? 0 : seconds(delay.percentile(50)), 'p50');
      observe(delay.count === 0 ? 0 : seconds(delay.percentile(99)), 'p99');
      observe(delay.count === 0 ? 0 : seconds(delay.max), 'max');
      if (performance.now() - since < WINDOW_MS) return;
      delay.reset();
      since = performance.now();
    },
  );
  return { [Symbol.dispose]: () => void delay.disable() };
}
