import type { Family } from './family.ts';
import type { Meters } from './meters.ts';

/** The content type of the text that Prometheus reads. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Write = (families: readonly Family[]) => string;

let writer: Promise<Write> | undefined;

/** What Prometheus reads. What writes it is loaded when somebody asks for the first time. */
export async function expose(meters: Meters): Promise<string> {
  writer ??= import('./prometheus-text.ts').then(({ writeExposition }) => writeExposition);
  return (await writer)(meters.collect());
}
