import type { AgentEvent } from './agent-event.ts';

/** One client reads lines of at most 4 MiB; a longer event would be fatal for it. */
export const LONGEST_EVENT_BYTES = 3_900_000;

/**
 * An event as it travels: one JSON object, the end of the line and an empty line. Output too long for one
 * event becomes several, cut between characters.
 */
export function formatEvent(
  event: AgentEvent,
  timestamp: number,
  longestBytes = LONGEST_EVENT_BYTES,
): string {
  const { type, ...rest } = event;
  const line = escapeLineEnds(JSON.stringify({ type, ...rest, timestamp }));
  const isOutput = event.type === 'stdout' || event.type === 'stderr';
  if (!isOutput || event.text.length < 2 || Buffer.byteLength(line) <= longestBytes) return `${line}\n\n`;
  return halves(event.text)
    .map((text) => formatEvent({ ...event, text }, timestamp, longestBytes))
    .join('');
}

/** About this much text is sent at once: enough to be fast, little enough to hold for a slow client. */
const PIECE_LENGTH = 128 * 1024;
/** No character takes more bytes than this in JSON. */
const MOST_BYTES_A_CHARACTER = 6;

/** Lines of output as events, many of them in one piece of text. */
export function* formatLines(
  type: 'stdout' | 'stderr',
  lines: readonly string[],
  timestamp: number,
): Generator<string> {
  const before = `{"type":"${type}","text":`;
  const behind = `,"timestamp":${timestamp}}\n\n`;
  let piece = '';
  for (const text of lines) {
    const isLong = text.length * MOST_BYTES_A_CHARACTER + before.length + behind.length > LONGEST_EVENT_BYTES;
    piece += isLong ? formatEvent({ type, text }, timestamp) : before + JSON.stringify(text) + behind;
    if (piece.length < PIECE_LENGTH) continue;
    yield escapeLineEnds(piece);
    piece = '';
  }
  if (piece !== '') yield escapeLineEnds(piece);
}

/**
 * Characters some clients take for the end of a line (NEL, LINE SEPARATOR, PARAGRAPH SEPARATOR) are escaped,
 * so that only a line feed ends one.
 */
export function escapeLineEnds(json: string): string {
  return json.replace(/[\u0085\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function halves(text: string): [string, string] {
  const middle = Math.floor(text.length / 2);
  const cutsPair = /[\uDC00-\uDFFF]/.test(text.charAt(middle)) && text.length > 2;
  const at = cutsPair ? middle + 1 : middle;
  return [text.slice(0, at), text.slice(at)];
}
