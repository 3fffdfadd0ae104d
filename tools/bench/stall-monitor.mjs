// Loaded into the server by the benchmark: on SIGUSR2 it writes the longest event loop delay since the last
// SIGUSR2, in milliseconds, and starts again.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 5;
const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
histogram.enable();
process.on('SIGUSR2', () => {
  writeFileSync(
    process.env.STALL_FILE ?? '/dev/null',
    String(Math.max(0, histogram.max / 1e6 - resolutionMs)),
  );
  histogram.reset();
});
