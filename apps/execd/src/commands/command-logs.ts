import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { errorText, wholeCharacters } from '@opensandbox/process';
import { agentFault } from '../error-envelope.ts';
import type { CommandRecord } from './command-record.ts';

const PIECE_BYTES = 256 * 1024;

/** A part of a command's output: from a byte offset to what was there when it was asked for. */
export interface LogRange {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** Reads `?cursor=`: a byte offset. Anything that is no number is the beginning. */
export function parseCursor(text: string | undefined): number {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) return 0;
  const cursor = Number(text);
  if (cursor < 0) throw agentFault('invalid', 'INVALID_REQUEST_BODY', `invalid cursor: ${text}`);
  return cursor;
}

/** What there is to read from an offset on, or from the first byte that was kept. While the command runs, never up to the middle of a character. */
export function logRange(record: CommandRecord, wanted: number): LogRange {
  const cursor = Math.max(wanted, record.firstByte ?? 0);
  const path = record.outputPath;
  if (path === undefined) {
    const message = `command ${record.id} is not running in background`;
    throw agentFault('invalid', 'INVALID_REQUEST_BODY', message);
  }
  return withFile(path, (fd) => {
    const size = fstatSync(fd).size;
    if (cursor >= size) return { path, from: cursor, to: cursor };
    if (record.end !== undefined) return { path, from: cursor, to: size };
    const last = new Uint8Array(Math.min(4, size - cursor));
    readSync(fd, last, 0, last.length, size - last.length);
    return { path, from: cursor, to: size - last.length + wholeCharacters(last) };
  });
}

/** The bytes of a range, read as fast as they are taken. */
export function logBody(range: LogRange): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> {
  if (range.to - range.from <= PIECE_BYTES) return readPiece(range, range.from);
  let offset = range.from;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = readPiece(range, offset);
      offset += piece.length;
      if (piece.length > 0) controller.enqueue(piece);
      if (piece.length === 0 || offset >= range.to) controller.close();
    },
  });
}

function readPiece(range: LogRange, from: number): Uint8Array<ArrayBuffer> {
  if (from >= range.to) return new Uint8Array(0);
  return withFile(range.path, (fd) => {
    const buffer = new Uint8Array(Math.min(PIECE_BYTES, range.to - from));
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, from));
  });
}

function withFile<T>(path: string, use: (fd: number) => T): T {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    const message = `the output of the command cannot be read: ${errorText(error)}`;
    throw agentFault('internal', 'RUNTIME_ERROR', message);
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
