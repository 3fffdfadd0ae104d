import type { AskEngine } from '../doctor/engine-http.ts';

const PUBLIC_IMAGE = 'python:3.11-slim';
const LOCAL_IMAGE = 'opensandbox-demo:latest';

/** The image to show: the one asked for, else one that is already here, else the public one, to be pulled. */
export async function chooseImage(
  named: string | undefined,
  ask: AskEngine,
  signal: AbortSignal,
): Promise<{ readonly image: string; readonly isHere: boolean }> {
  const wanted = named === undefined || named === '' ? [PUBLIC_IMAGE, LOCAL_IMAGE] : [named];
  for (const image of wanted) {
    const answer = await ask(`/images/${image}/json`, signal);
    if (answer.status === 200) return { image, isHere: true };
  }
  return { image: wanted[0] ?? PUBLIC_IMAGE, isHere: false };
}
