import type { FileHandle } from 'node:fs/promises';

const BUFFER_BYTES = 1024 * 1024;

/** Makes the content of `to` that of `from`, with one buffer whatever the size. */
export async function copyContent(from: FileHandle, to: FileHandle): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  let position = 0;
  for (;;) {
    const { bytesRead } = await from.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    await writeAll(to, buffer.subarray(0, bytesRead), position);
    position += bytesRead;
  }
  await to.truncate(position);
}

/** One write may take only part of what it is given. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Gathers small writes at the end of a file into large ones. */
export class GatheringWriter {
  readonly #file: FileHandle;
  readonly #buffer = new Uint8Array(256 * 1024);
  #filled = 0;
  #position = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#filled + bytes.length > this.#buffer.length) await this.flush();
    if (bytes.length > this.#buffer.length) {
      await writeAll(this.#file, bytes, this.#position);
      this.#position += bytes.length;
      return;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  async flush(): Promise<void> {
    await writeAll(this.#file, this.#buffer.subarray(0, this.#filled), this.#position);
    this.#position += this.#filled;
    this.#filled = 0;
  }
}
