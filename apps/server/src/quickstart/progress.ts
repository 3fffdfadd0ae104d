import { sleep } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import { valueAt } from '../config/key-tree.ts';
import type { Story } from './story.ts';

const ASK_EVERY_MS = 1_000;

/** Tells what a pending sandbox is waiting for, an image pull for instance, until `signal` aborts. */
export async function tellProgress(
  deps: { readonly url: string; readonly apiKey: string; readonly clock: Clock; readonly story: Story },
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  while (!signal.aborted) {
    try {
      await sleep(deps.clock, ASK_EVERY_MS, signal);
      const headers = { 'OPEN-SANDBOX-API-KEY': deps.apiKey };
      const response = await fetch(`${deps.url}/v1/sandboxes?state=Pending`, { headers, signal });
      const message = valueAt(await response.json(), ['items', 0, 'status', 'message']);
      if (typeof message === 'string' && message !== last) deps.story.note(message);
      last = typeof message === 'string' ? message : last;
    } catch {
      return; // progress is a courtesy: the step itself reports what went wrong
    }
  }
}
