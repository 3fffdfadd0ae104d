import type { SandboxId } from '../sandbox.ts';

/** Something that this server did with a sandbox, or saw of it. */
export interface Happening {
  /** One word for people. */
  readonly event: string;
  /** One line, without secrets. */
  readonly message: string;
}

export interface JournalEntry extends Happening {
  /** Epoch ms. */
  readonly at: number;
}

export interface JournalPage {
  /** The oldest first. */
  readonly entries: readonly JournalEntry[];
  /** The sandbox is older than this run of the server, and what happened before it is not known. */
  readonly isCut: boolean;
  /** Entries that had to make room for newer ones. */
  readonly dropped: number;
}

/** What happened to each sandbox of late, in memory only. Ends with the sandbox, and with the server. */
export interface Journal {
  /** Begins a page. `isCut`: the sandbox is older than this server. */
  open(id: SandboxId, isCut: boolean): void;
  /** Does nothing for a sandbox without a page. */
  add(id: SandboxId, happening: Happening): void;
  close(id: SandboxId): void;
  /** There was such a sandbox and it was removed. Only the latest are remembered. */
  hasClosed(id: SandboxId): boolean;
  read(id: SandboxId): JournalPage;
}

const MOST_ENTRIES = 100;
const LONGEST_MESSAGE = 1000;
/** Ids of removed sandboxes, 36 bytes each. */
const MOST_CLOSED = 10_000;
const UNKNOWN: JournalPage = { entries: [], isCut: true, dropped: 0 };

interface Page {
  readonly entries: JournalEntry[];
  readonly isCut: boolean;
  dropped: number;
}

export function createJournal(clock: { now(): number }): Journal {
  const pages = new Map<SandboxId, Page>();
  const closed = new Set<SandboxId>();
  return {
    open(id, isCut) {
      closed.delete(id);
      if (!pages.has(id)) pages.set(id, { entries: [], isCut, dropped: 0 });
    },
    add(id, { event, message }) {
      const page = pages.get(id);
      if (page === undefined) return;
      const entry = { at: clock.now(), event, message: message.slice(0, LONGEST_MESSAGE) };
      const last = page.entries.at(-1);
      if (last !== undefined && isProgressOf(last, entry)) {
        page.entries[page.entries.length - 1] = { ...entry, at: last.at };
        return;
      }
      page.entries.push(entry);
      if (page.entries.length <= MOST_ENTRIES) return;
      page.entries.shift();
      page.dropped += 1;
    },
    close(id) {
      if (!pages.delete(id)) return;
      closed.add(id);
      const [oldest] = closed;
      if (closed.size > MOST_CLOSED && oldest !== undefined) closed.delete(oldest);
    },
    hasClosed: (id) => closed.has(id),
    read(id) {
      const page = pages.get(id);
      return page === undefined ? UNKNOWN : { ...page, entries: [...page.entries] };
    },
  };
}

/** The same step once more, with other numbers in it: `Pulling 12 MB of 90 MB`. It keeps the time it began. */
function isProgressOf(last: Happening, next: Happening): boolean {
  return last.event === next.event && shapeOf(last.message) === shapeOf(next.message);
}

function shapeOf(message: string): string {
  return message.replace(/\d+(\.\d+)?/g, '#');
}
