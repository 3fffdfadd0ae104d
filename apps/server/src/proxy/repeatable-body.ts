import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** A body that can be sent again from its beginning, as long as little of it has passed. */
export interface RepeatableBody {
  /** The whole body. What an earlier stream took is repeated. */
  open(): Readable;
  isRepeatable(): boolean;
}

const MOST_KEPT_BYTES = 64 * 1024;

export function repeatableBody(request: IncomingMessage): RepeatableBody {
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
    open: () => Readable.from(pieces(), { objectMode: false }),
    isRepeatable: () => isRepeatable,
  };
}
