import type { PullMessage } from '../engine/answers.ts';

interface Layer {
  readonly done: number;
  readonly total: number;
  readonly isComplete: boolean;
}

/** Adds up the layers of one pull. Only downloads are counted: extraction repeats the same bytes. */
export interface PullProgress {
  /** Takes one message; returns a sentence when there is something new to tell. */
  read(message: PullMessage): string | undefined;
  /** What was downloaded until now. */
  bytes(): number;
}

export function createPullProgress(image: string): PullProgress {
  const layers = new Map<string, Layer>();
  let last = '';
  return {
    read(message) {
      if (message.status?.startsWith('Retrying in ') === true) return tellRetry(image, message.status);
      const layer = readLayer(message, layers.get(message.id ?? ''));
      if (layer === undefined || message.id === undefined) return undefined;
      layers.set(message.id, layer);
      const told = formatProgress(image, [...layers.values()]);
      if (told === last) return undefined;
      last = told;
      return told;
    },
    bytes: () => [...layers.values()].reduce((sum, layer) => sum + layer.done, 0),
  };
}

/** The engine's own word ends in how long it still waits. */
function tellRetry(image: string, status: string): string {
  return `Pulling image ${image}: a download broke off, ${status.charAt(0).toLowerCase()}${status.slice(1)}`;
}

function readLayer(message: PullMessage, before: Layer | undefined): Layer | undefined {
  const { current = 0, total = 0 } = message.progressDetail ?? {};
  switch (message.status) {
    case 'Pulling fs layer':
    case 'Waiting':
      return before ?? { done: 0, total: 0, isComplete: false };
    case 'Downloading':
      return { done: current, total: Math.max(total, before?.total ?? 0), isComplete: false };
    case 'Verifying Checksum':
    case 'Download complete':
    case 'Extracting':
    case 'Pull complete':
    case 'Already exists': {
      const size = Math.max(before?.total ?? 0, message.status === 'Extracting' ? total : 0);
      return { done: size, total: size, isComplete: true };
    }
    default:
      return undefined;
  }
}

function formatProgress(image: string, layers: readonly Layer[]): string {
  const done = layers.reduce((sum, layer) => sum + layer.done, 0);
  const total = layers.reduce((sum, layer) => sum + layer.total, 0);
  const complete = layers.filter((layer) => layer.isComplete).length;
  const percent = total === 0 ? '' : ` (${Math.floor((100 * done) / total)}%)`;
  return `Pulling image ${image}: ${formatBytes(done)} of ${formatBytes(total)}${percent}, ${complete} of ${layers.length} layers`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  const power = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toFixed(1)} ${units[power - 1] ?? ''}`;
}
