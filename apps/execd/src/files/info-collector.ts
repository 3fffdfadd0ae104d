import { lstat } from 'node:fs/promises';
import type { AccountNames } from './account-names.ts';
import { formatFileInfo } from './file-info.ts';
import type { FileInfo } from './file-info.ts';
import type { Entry } from './read-entries.ts';
import { failedWith } from './system-errors.ts';

/** So many entries are looked at side by side. */
const BATCH = 128;
const PIECE_CHARACTERS = 64 * 1024;

/**
 * Builds the JSON array of what is added, in that order. Large directories make large answers: they are kept
 * as encoded bytes, not as objects, and the looking is done in batches that let others run in between.
 */
export class InfoCollector {
  readonly #accounts: AccountNames;
  readonly #pieces: Uint8Array[] = [];
  #waiting: Entry[] = [];
  #text = '[';
  #isFirst = true;

  constructor(accounts: AccountNames) {
    this.#accounts = accounts;
  }

  /** To be awaited when there is something to wait for. */
  add(entry: Entry): Promise<void> | undefined {
    this.#waiting.push(entry);
    return this.#waiting.length < BATCH ? undefined : this.#lookAtWaiting();
  }

  /** The array in pieces. */
  async finish(): Promise<readonly Uint8Array[]> {
    await this.#lookAtWaiting();
    this.#text += ']';
    this.#encode();
    return this.#pieces;
  }

  async #lookAtWaiting(): Promise<void> {
    const entries = this.#waiting;
    this.#waiting = [];
    const infos = await Promise.all(entries.map((entry) => this.#lookAt(entry)));
    for (const info of infos) {
      if (info === undefined) continue;
      this.#text += (this.#isFirst ? '' : ',') + JSON.stringify(info);
      this.#isFirst = false;
    }
    if (this.#text.length >= PIECE_CHARACTERS) this.#encode();
  }

  async #lookAt(entry: Entry): Promise<FileInfo | undefined> {
    try {
      const stats = await lstat(entry.address, { bigint: true });
      return formatFileInfo(entry.path, stats, this.#accounts);
    } catch (error) {
      if (failedWith(error, 'ENOENT')) return undefined; // gone since it was listed
      throw error;
    }
  }

  #encode(): void {
    this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}
