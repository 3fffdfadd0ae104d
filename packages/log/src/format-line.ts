import type { Fields } from '@opensandbox/base';
import { redact } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly time: number;
  readonly level: LogLevel;
  readonly event: string;
  /** The fields of the logger and of the call, already together. */
  readonly fields: Fields;
}

export type FormatLine = (entry: LogEntry) => string;

const NAMES: Readonly<Record<LogLevel, string>> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
};
const COLOURS: Readonly<Record<LogLevel, string>> = { debug: '36', info: '32', warn: '33', error: '31' };

/** `LEVEL:  2026-11-20 15:06:43+0000 [request-id or -] logger: event name=value …` */
export function textLine(style: { readonly colour: boolean; readonly padLevel: boolean }): FormatLine {
  return (entry) => {
    const { requestId, logger, ...fields } = entry.fields;
    const name = NAMES[entry.level];
    const label = style.padLevel ? `${name.padStart(8)}:` : `${name}:`;
    const shown = style.colour ? `\u001b[${COLOURS[entry.level]}m${label}\u001b[0m` : label;
    const who = typeof logger === 'string' ? logger : 'opensandbox';
    const request = typeof requestId === 'string' ? oneWord(requestId) : '-';
    return `${shown}  ${timeText(entry.time)} [${request}] ${who}: ${oneLine(entry.event)}${fieldsText(fields)}`;
  };
}

/** One JSON object a line. */
export const jsonLine: FormatLine = (entry) =>
  JSON.stringify({
    time: new Date(entry.time).toISOString(),
    level: entry.level,
    event: entry.event,
    ...(redact(entry.fields) as Fields),
  });

let shownSecond = Number.NaN;
let shownText = '';

/** Lines come in bursts: the text of a second is made once. */
function timeText(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== shownSecond) {
    shownSecond = second;
    shownText = `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')}+0000`;
  }
  return shownText;
}

function fieldsText(fields: Fields): string {
  const safe = redact(fields) as Fields;
  let text = '';
  for (const [name, value] of Object.entries(safe)) {
    if (value !== undefined) text += ` ${name}=${valueText(value)}`;
  }
  return text;
}

/** What needs no quotes, in the alphabet that nearly all values have; quick to test. */
const PLAIN = /^[!#-<>-~]+$/;

function valueText(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') {
    return PLAIN.test(value) || /^[^\s"=\p{C}]+$/u.test(value) ? value : JSON.stringify(value);
  }
  return JSON.stringify(value);
}

/** Line breaks would let a client forge log lines. */
function oneLine(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(/\p{C}+/gu, ' ');
}

function oneWord(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(/[\s\p{C}]+/gu, '_');
}
