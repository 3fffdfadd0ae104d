/** The latest moment that a date can hold; a deadline may lie beyond it. */
const LATEST_MS = 8.64e15;

/** A moment as ISO text. None is `never`: that is what an absent deadline means. */
export function formatTime(epochMs: number | undefined): string {
  if (epochMs === undefined) return 'never';
  return Math.abs(epochMs) > LATEST_MS ? 'in a distant future' : new Date(epochMs).toISOString();
}
