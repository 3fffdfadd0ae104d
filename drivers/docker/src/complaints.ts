import type { Fields, Logger } from '@opensandbox/base';

/** Warnings about sandboxes that are read again and again: each is logged when it is new or says something new. */
export interface Complaints {
  /** `text` is what the warning is about; the same as last time, nothing is logged. */
  warn(complaint: Complaint, fields?: Fields): void;
  /** There is nothing to complain about now: the next time is worth a line again. */
  settle(complaint: Omit<Complaint, 'text'>): void;
}

export interface Complaint {
  readonly event: string;
  readonly sandboxId: string;
  readonly text: string;
}

/** Of sandboxes that are gone nobody says that they are settled; the oldest make room. */
const MOST = 1_000;

export function createComplaints(log: Logger): Complaints {
  const last = new Map<string, string>();
  const keyOf = ({ event, sandboxId }: Omit<Complaint, 'text'>): string => `${event} ${sandboxId}`;
  return {
    warn(complaint, fields = {}) {
      const key = keyOf(complaint);
      if (last.get(key) === complaint.text) return;
      last.delete(key);
      last.set(key, complaint.text);
      const [oldest] = last.keys();
      if (last.size > MOST && oldest !== undefined) last.delete(oldest);
      log.warn(complaint.event, { sandboxId: complaint.sandboxId, ...fields });
    },
    settle: (complaint) => void last.delete(keyOf(complaint)),
  };
}
