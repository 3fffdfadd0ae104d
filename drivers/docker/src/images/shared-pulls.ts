import type { Progress } from '@opensandbox/core/ports';
import { createSingleFlight } from '@opensandbox/base';

export type Report = (progress: Progress) => void;
export type PullWork = (tell: (message: string) => void, signal: AbortSignal) => Promise<void>;

/**
 * One pull for all who wait for the same thing: all hear its progress, all fail for its one reason, and it ends when the
 * last of them has gone.
 */
export interface SharedPulls {
  run(
    key: string,
    work: PullWork,
    waiter: { readonly report: Report; readonly signal: AbortSignal },
  ): Promise<void>;
}

interface Audience {
  readonly reports: Set<Report>;
  /** What was told last: whoever comes later wants to know it too. */
  last: string | undefined;
}

export function createSharedPulls(): SharedPulls {
  const flights = createSingleFlight<string, undefined>();
  const audiences = new Map<string, Audience>();

  return {
    async run(key, work, { report, signal }) {
      const audience: Audience = audiences.get(key) ?? { reports: new Set(), last: undefined };
      audiences.set(key, audience);
      const own: Report = (progress) => report(progress);
      audience.reports.add(own);
      if (audience.last !== undefined) own({ step: 'image', message: audience.last });
      const tell = (message: string): void => {
        audience.last = message;
        audience.reports.forEach((listener) => listener({ step: 'image', message }));
      };
      try {
        await flights.run(key, (shared) => work(tell, shared).then(() => undefined), signal);
      } finally {
        audience.reports.delete(own);
        if (audience.reports.size === 0 && audiences.get(key) === audience) audiences.delete(key);
      }
    },
  };
}
