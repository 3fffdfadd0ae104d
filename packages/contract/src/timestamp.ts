/** A moment with the precision of the wire: epoch milliseconds and 0–999 microseconds beyond them. */
export interface Instant {
  readonly ms: number;
  readonly micros: number;
}

/** Why a text is not a moment; `kind` is the wire's issue type. */
export interface TimestampProblem {
  readonly kind: 'datetime_from_date_parsing' | 'datetime_parsing';
  readonly why: string;
}

const FIRST = epochOf({ year: 1 });
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/** Above this many, a Unix time counts milliseconds. */
const SECONDS_LIMIT = 2e10;

const TEXT =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt_ ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?)?$/;

/** RFC 3339 in UTC: `Z`, and six digits of fraction or none when it is zero. */
export function formatTimestamp(moment: number | Instant): string {
  const { ms, micros } = typeof moment === 'number' ? { ms: moment, micros: 0 } : moment;
  const text = new Date(ms).toISOString();
  const fraction = text.slice(20, 23) + String(micros).padStart(3, '0');
  return fraction === '000000' ? `${text.slice(0, 19)}Z` : `${text.slice(0, 19)}.${fraction}Z`;
}

/** Reads what the API takes as a date-time text: RFC 3339 and its lax forms, a bare date, a Unix time. */
export function parseTimestamp(text: string): Instant | TimestampProblem {
  if (/^[+-]?\d+(?:\.\d+)?$/.test(text)) return fromUnix(Number(text));
  const match = TEXT.exec(text);
  if (match === null) {
    return badText(text.length < 10 ? 'input is too short' : 'invalid date or time format');
  }
  return fromParts(match);
}

/** A Unix time in seconds, or in milliseconds when it is too large for seconds. */
export function fromUnix(value: number): Instant | TimestampProblem {
  const micros = Math.abs(value) <= SECONDS_LIMIT ? Math.round(value * 1e6) : Math.round(value * 1e3);
  const ms = Math.floor(micros / 1000);
  if (!Number.isFinite(ms) || ms > LAST) {
    return { kind: 'datetime_parsing', why: 'dates after 9999 are not supported as unix timestamps' };
  }
  return bounded({ ms, micros: micros - ms * 1000 });
}

export function isProblem(result: Instant | TimestampProblem): result is TimestampProblem {
  return 'kind' in result;
}

function fromParts(match: RegExpExecArray): Instant | TimestampProblem {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part || '0'));
  const parts = { year, month, day, hour, minute, second } as Record<string, number>;
  const why = outOfRange(parts);
  if (why !== undefined) return badText(why);
  const offsetHours = Number(match[10] ?? '0');
  const offsetMinutes = Number(match[11] ?? '0');
  if (offsetHours > 23 || offsetMinutes > 59) return badText('timezone offset is outside the expected range');
  const offset = (match[9] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
  const fraction = (match[7] ?? '').padEnd(6, '0').slice(0, 6);
  const ms = epochOf(parts) - offset + Number(fraction.slice(0, 3));
  return bounded({ ms, micros: Number(fraction.slice(3)) });
}

function outOfRange(parts: Readonly<Record<string, number>>): string | undefined {
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  if (year < 1) return 'year 0 is out of range';
  if (month < 1 || month > 12) return 'month value is outside expected range of 1-12';
  if (day < 1 || day > daysIn(year, month)) return 'day value is outside expected range';
  if (hour > 23) return 'hour value is outside expected range of 0-23';
  if (minute > 59) return 'minute value is outside expected range of 0-59';
  if (second > 59) return 'second value is outside expected range of 0-59';
  return undefined;
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

function epochOf(parts: Readonly<Record<string, number>>): number {
  const { year = 1, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day); // `Date.UTC` takes the years 0–99 for 1900–1999
  date.setUTCHours(hour, minute, second);
  return date.getTime();
}

function bounded(instant: Instant): Instant | TimestampProblem {
  if (instant.ms < FIRST || instant.ms > LAST) {
    return { kind: 'datetime_parsing', why: 'the moment lies outside the years 1 to 9999 in UTC' };
  }
  return instant;
}

function badText(why: string): TimestampProblem {
  return { kind: 'datetime_from_date_parsing', why };
}
