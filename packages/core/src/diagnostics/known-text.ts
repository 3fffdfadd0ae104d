import type { ImageSource, Sandbox } from '../sandbox.ts';
import { formatTime } from './format-time.ts';
import type { JournalEntry, JournalPage } from './journal.ts';

/*
 * Texts about a sandbox that the engine has nothing of: not yet, or not any more. They look like those of an
 * engine, with what the server itself knows.
 */

/** One line for each entry: when, what, and how it went. */
export function formatJournal(entries: readonly JournalEntry[]): string {
  return entries.map((entry) => `${formatTime(entry.at)} lifecycle ${entryText(entry)}\n`).join('');
}

export function warningsOf({ isCut, dropped }: JournalPage): readonly string[] {
  return [
    ...(isCut
      ? [
          'The server was started after the sandbox was made: what happened before the first entry is not known.',
        ]
      : []),
    ...(dropped > 0 ? [`Only the newest entries are kept; ${dropped} older ones are gone.`] : []),
  ];
}

export function formatKnownFacts({ record, status }: Sandbox): string {
  const facts: readonly (readonly [string, string])[] = [
    ['Sandbox ID:', record.id],
    ['Image:', sourceText(record.spec.source)],
    ['Status:', status.state],
    ['Reason:', status.reason],
    ['Message:', oneLine(status.message)],
    ['Created At:', formatTime(record.createdAt)],
    ['Expires At:', formatTime(record.expiresAt)],
    ['Container:', '(none)'],
  ];
  return facts.map(([label, value]) => `${label.padEnd(16)}${value}\n`).join('');
}

export function formatKnownEvents({ record, status }: Sandbox, entries: readonly JournalEntry[]): string {
  const facts: readonly (readonly [string, string])[] = [
    ['Container:', '(none)'],
    ['Status:', `${status.state} - ${oneLine(status.message)}`],
    ['Created:', formatTime(record.createdAt)],
    ...entries.map((entry) => ['Event:', `${formatTime(entry.at)} ${entryText(entry)}`] as const),
  ];
  return facts.map(([label, value]) => `${label.padEnd(12)}${value}\n`).join('');
}

function entryText({ event, message }: JournalEntry): string {
  return `${event} ${oneLine(message)}`;
}

function sourceText(source: ImageSource): string {
  return source.kind === 'image' ? source.uri : `snapshot ${source.snapshotId}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ');
}
