import { dirname } from 'node:path';
import { agentFault } from '../error-envelope.ts';
import { writeAll } from './copy-bytes.ts';
import type { FileContext } from './file-context.ts';
import type { PartEvent } from './multipart.ts';
import type { PartHeaders } from './part-headers.ts';
import { DEFAULT_MODE, openSpool } from './spool.ts';
import type { Spool } from './spool.ts';
import { parseMetadata } from './upload-pairs.ts';
import type { UploadTarget } from './upload-pairs.ts';

const LONGEST_METADATA_BYTES = 1024 * 1024;
/** Of one request together; it is held in memory until the files have come. */
const MOST_METADATA_BYTES = 32 * 1024 * 1024;
const MOST_PARTS = 20_000;

/** A part being received. Parts that mean nothing to us are read and dropped. */
type OpenPart =
  | { readonly kind: 'metadata'; readonly pieces: Buffer[]; bytes: number }
  | { readonly kind: 'file'; readonly spool: Spool; bytes: number }
  | { readonly kind: 'ignored' };

/**
 * Takes the parts of one upload as they arrive: metadata into memory, files into spools, which lie in the
 * directory of their target whenever the metadata came first.
 */
export class UploadIntake implements AsyncDisposable {
  readonly metadata: string[] = [];
  readonly files: Spool[] = [];
  readonly #context: FileContext;
  #part: OpenPart = { kind: 'ignored' };
  #metadataBytes = 0;
  #partCount = 0;

  constructor(context: FileContext) {
    this.#context = context;
  }

  async take(event: PartEvent): Promise<void> {
    if (event.type === 'begin') this.#part = await this.#open(event.headers);
    else if (event.type === 'data') await this.#append(event.bytes);
    else this.#end();
  }

  /** Removes what has not found its place. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const spool of this.files) await spool[Symbol.asyncDispose]();
  }

  async #open(headers: PartHeaders): Promise<OpenPart> {
    this.#partCount += 1;
    if (this.#partCount > MOST_PARTS)
      throw agentFault('invalid', 'INVALID_FILE', 'the form has too many parts');
    if (headers.name === 'metadata') return { kind: 'metadata', pieces: [], bytes: 0 };
    // A plain field called `file` has no file name and is none.
    if (headers.name !== 'file' || headers.fileName === undefined) return { kind: 'ignored' };
    const spool = await this.#openSpool();
    this.files.push(spool);
    return { kind: 'file', spool, bytes: 0 };
  }

  async #openSpool(): Promise<Spool> {
    const otherwise = this.#context.spoolDirectory;
    const target = await this.#expectedTarget();
    if (target === undefined) return openSpool({ directory: undefined, otherwise, mode: DEFAULT_MODE });
    const path = await this.#context.resolve(target.path).catch(() => undefined); // told when it is placed
    const directory = path === undefined ? undefined : dirname(path);
    // The kernel makes the default mode of the new file out of this; a mode that was asked for comes later,
    // and nobody shall read the content before.
    return openSpool({ directory, otherwise, mode: target.mode === 0 ? DEFAULT_MODE : 0o600 });
  }

  /** The target of the next file, if its metadata came before it and can be read. */
  async #expectedTarget(): Promise<UploadTarget | undefined> {
    const text = this.metadata[this.files.length];
    if (text === undefined) return undefined;
    try {
      return parseMetadata(text);
    } catch {
      return undefined; // told when it is placed, after the files before it
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const part = this.#part;
    if (part.kind === 'ignored') return;
    if (part.kind === 'file') await writeAll(part.spool.file, bytes, part.bytes);
    else part.pieces.push(Buffer.from(bytes));
    part.bytes += bytes.length;
    if (part.kind !== 'metadata') return;
    this.#metadataBytes += bytes.length;
    if (part.bytes > LONGEST_METADATA_BYTES || this.#metadataBytes > MOST_METADATA_BYTES) {
      throw agentFault(
        'invalid',
        'INVALID_FILE_METADATA',
        'invalid metadata format. it is longer than 1 MiB, or 32 MiB in all parts together',
      );
    }
  }

  #end(): void {
    if (this.#part.kind === 'metadata') this.metadata.push(Buffer.concat(this.#part.pieces).toString('utf8'));
    this.#part = { kind: 'ignored' };
  }
}
