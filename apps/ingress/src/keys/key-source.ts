import { type Clock, Fault, type Logger, sleep, toFault } from '@opensandbox/base';
import { type KeyRing, createKeyRing, parseKeyList } from '@opensandbox/route-tokens';

/** Small, and read often enough that a rotated key works within moments. Mounted secrets change by renamed links, so the
 *  text is compared, not the file. */
const LOOK_EVERY_MS = 2_000;

export interface KeySource {
  /** `undefined` when the gateway has no keys. */
  readonly current: () => KeyRing | undefined;
  /** Reads the file now. A file that cannot be used leaves the keys as they were. */
  reload(): Promise<void>;
  /** Looks at the file again and again until the signal aborts. */
  watch(signal: AbortSignal): Promise<void>;
}

export interface KeySourceDeps {
  readonly readFile: (path: string) => Promise<string>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Keys that stay as they are. */
export function fixedKeys(list: string): KeySource {
  const keys = parseKeyList(list);
  const ring = keys.size === 0 ? undefined : createKeyRing(keys);
  return { current: () => ring, reload: async () => undefined, watch: async () => undefined };
}

/** Keys of a file that may change. Rejects with `invalid` when it cannot be used at the start. */
export async function openKeyFile(path: string, deps: KeySourceDeps): Promise<KeySource> {
  const { clock, log } = deps;
  let text = await readList(path, deps);
  let ring = parseRing(path, text);
  let failure = '';
  const reload = async (): Promise<void> => {
    try {
      const next = await readList(path, deps);
      if (next !== text) {
        ring = parseRing(path, next);
        text = next;
        log.info('keys.reloaded', { path, ids: ring.keyIds.join(',') });
      }
      failure = '';
    } catch (error) {
      const { message } = toFault(error);
      if (message !== failure) log.error('keys.reload_failed', { path, message, note: 'the old keys stay' });
      failure = message;
    }
  };
  return {
    current: () => ring,
    reload,
    async watch(signal) {
      while (!signal.aborted) {
        await sleep(clock, LOOK_EVERY_MS, signal);
        await reload();
      }
    },
  };
}

async function readList(path: string, { readFile }: KeySourceDeps): Promise<string> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new Fault(
      'invalid',
      'route.keys_unreadable',
      `The key file ${path} cannot be read (${reason}). Check the path and who may read it.`,
      { cause: error },
    );
  }
}

/** An empty file is one that is being written, or a mistake. */
function parseRing(path: string, text: string): KeyRing {
  const keys = parseKeyList(text);
  if (keys.size === 0) {
    throw new Fault(
      'invalid',
      'route.keys_malformed',
      `The key file ${path} holds no key. Write one a line, for example a=bXktc2VjcmV0LWtleQ==.`,
    );
  }
  return createKeyRing(keys);
}
