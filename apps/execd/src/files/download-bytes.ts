import type { BigIntStats } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { errorResponse } from '../error-envelope.ts';
import { parseRange } from './byte-range.ts';
import { pullStream, readPieces, readSection } from './byte-source.ts';
import type { Section } from './byte-source.ts';
import { evaluateConditions, rangeApplies } from './conditions.ts';
import type { Version } from './conditions.ts';
import { formatDisposition } from './disposition.ts';
import { fileRuntime } from './memory-relief.ts';
import { accessFault } from './system-errors.ts';

export interface ByteDownload {
  readonly path: string;
  readonly stats: BigIntStats;
  readonly headers: Headers;
}

/** The whole file, or the range that the client asks for, under the usual conditional headers. */
export async function downloadBytes(download: ByteDownload): Promise<Response> {
  const { headers } = download;
  const size = Number(download.stats.size);
  const version = versionOf(download.stats);
  const condition = evaluateConditions(headers, version);
  if (condition === 'failed') return errorResponse(412, 'UNKNOWN', 'the file is not the version asked for');
  if (condition === 'not_modified') {
    return new Response(null, { status: 304, headers: versionHeaders(version) });
  }
  const rangeHeader = rangeApplies(headers.get('if-range'), version) ? headers.get('range') : null;
  const range = parseRange(rangeHeader, size);
  if (range.kind === 'malformed') return errorResponse(416, 'UNKNOWN', 'the Range header is malformed');
  if (range.kind === 'unsatisfiable') {
    const contentRange = { 'Content-Range': `bytes */${size}` };
    return errorResponse(416, 'UNKNOWN', 'the file has no byte of this range', contentRange);
  }
  const fileHeaders = {
    ...versionHeaders(version),
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': formatDisposition(basename(download.path)),
    'Accept-Ranges': 'bytes',
  };
  if (range.kind === 'whole') return respondWhole(download, size, fileHeaders);
  const section = { first: range.first, length: range.last - range.first + 1 };
  return new Response(await sectionBody(download.path, section), {
    status: 206,
    headers: {
      ...fileHeaders,
      'Content-Range': `bytes ${range.first}-${range.last}/${size}`,
      'Content-Length': String(section.length),
    },
  });
}

type HeaderRecord = Readonly<Record<string, string>>;

const SHORT_BYTES = 1024 * 1024;

async function respondWhole(
  { path, headers: asked }: ByteDownload,
  size: number,
  headers: HeaderRecord,
): Promise<Response> {
  const section = { first: 0, length: size };
  const withLength = { ...headers, 'Content-Length': String(size) };
  if (size === 0) return new Response(null, { status: 200, headers: withLength });
  if (!asked.has('range')) {
    return new Response(await sectionBody(path, section), { status: 200, headers: withLength });
  }
  // Bun applies a Range header to file bodies by itself, also where If-Range forbids it. Other bodies it
  // leaves alone, but a stream loses its Content-Length: only long files pay that price.
  if (size > SHORT_BYTES) {
    return new Response(await streamSection(path, section), { status: 200, headers });
  }
  return new Response(await readNow(path, section), { status: 200, headers });
}

/** The runtime sends files without copying them through this process; elsewhere they stream. */
async function sectionBody(path: string, section: Section): Promise<Blob | ReadableStream> {
  const runtime = fileRuntime();
  if (runtime === undefined) return streamSection(path, section);
  await checkReadable(path);
  return runtime.file(path).slice(section.first, section.first + section.length);
}

/** A body that cannot be opened later would be an answer without an envelope. */
async function checkReadable(path: string): Promise<void> {
  const file = await openForReading(path);
  await file.close();
}

async function streamSection(path: string, section: Section): Promise<ReadableStream<Uint8Array>> {
  const file = await openForReading(path);
  let closing: Promise<void> | undefined;
  return pullStream(readPieces(file, section), () => (closing ??= file.close()));
}

async function readNow(path: string, section: Section): Promise<Uint8Array> {
  const file = await openForReading(path);
  try {
    return await readSection(file, section);
  } finally {
    await file.close();
  }
}

async function openForReading(path: string): ReturnType<typeof open> {
  return open(path).catch((error: unknown) => {
    throw accessFault(error);
  });
}

function versionOf(stats: BigIntStats): Version {
  const tag = [stats.mtimeNs, stats.size, stats.ino].map((part) => part.toString(36)).join('-');
  return { etag: `"${tag}"`, mtimeMs: Number(stats.mtimeMs) };
}

function versionHeaders(version: Version): HeaderRecord {
  return { ETag: version.etag, 'Last-Modified': new Date(version.mtimeMs).toUTCString() };
}
