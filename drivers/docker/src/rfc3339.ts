const FORM = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:?\d{2})?$/;

/**
 * Epoch milliseconds of an RFC 3339 text with up to nanoseconds, cut to the millisecond; no offset means UTC.
 * `undefined` when it is not one. The engine's zero time (year 1) is `undefined` too: it means "never".
 */
export function readRfc3339(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, date = '', time = '', fraction = '', offset = 'Z'] = match;
  const zone = /^[Zz]$/.test(offset) ? 'Z' : `${offset.slice(0, 3)}:${offset.slice(-2)}`;
  const epoch = Date.parse(`${date}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}${zone}`);
  return Number.isNaN(epoch) || date.startsWith('0001-') ? undefined : epoch;
}

/** `2026-11-20T15:22:12.984000+00:00`; the fraction is left out when it is zero. */
export function formatLabelTime(epochMs: number): string {
  const [seconds = '', millis = ''] = new Date(epochMs).toISOString().replace('Z', '').split('.');
  return millis === '000' ? `${seconds}+00:00` : `${seconds}.${millis}000+00:00`;
}
