import { Readable } from 'node:stream';

/** A body that can be sent again from its beginning, as long as little of it has passed. */
export interface RepeatableBody {
  /** The whole body. What an earlier stream took is repeated. */
  open(): Readable;
  isRepeatable(): boolean;
  /** Nobody wants it any more. What still comes is thrown away, for the answer would wait behind it. */
  discard(): void;
}

const MOST_KEPT_BYTES = 64 * 1024;

export function repeatableBody(request: Readable): RepeatableBody {
  const source = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, void>;
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let isRepeatable = true;
  let isOver = false;
  let pending: Promise<void> | undefined;

  function takeMore(): Promise<void> {
    pending ??= source.next().then((next) => {
      pending = undefined;
      if (next.done === true) isOver = true;
      else {
        kept.push(next.value);
        keptBytes += next.value.length;
        if (keptBytes > MOST_KEPT_BYTES) isRepeatable = false;
      }
    });
    return pending;
  }

  async function* pieces(): AsyncGenerator<Buffer, void> {
    for (let at = 0; ;) {
      const piece = kept[at];
      if (piece !== undefined) {
        at += 1;
        if (!isRepeatable) at -= kept.splice(0, at).length;
        yield piece;
      } else if (isOver) return;
      else await takeMore();
    }
  }

  return {
    open() {
      const stream = Readable.from(pieces(), { objectMode: false });
      // A client that left is noticed by its answer; without a listener here it would end the process.
      return stream.on('error', () => undefined);
    },
    isRepeatable: () => isRepeatable,
    discard() {
      const dump = (): void => void request.resume();
      source.return?.().then(dump, dump);
    },
  };
}
