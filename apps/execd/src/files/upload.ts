import { agentFault, emptyResponse } from '../error-envelope.ts';
import type { FileContext, FileHandler } from './file-context.ts';
import { memoryRelief } from './memory-relief.ts';
import { BadMultipart, MultipartParser } from './multipart.ts';
import { parseBoundary } from './part-headers.ts';
import { placeFile } from './place-file.ts';
import { runtimeFault } from './system-errors.ts';
import { UploadIntake } from './upload-intake.ts';
import { pairUp, parseMetadata } from './upload-pairs.ts';

/**
 * Receives pairs of metadata and file. Nothing is put in its place before the whole form has arrived and been
 * counted; then the pairs are placed in order, and the first that fails ends it, the earlier ones staying.
 */
export const uploadFiles: FileHandler = async (context, request) => {
  const boundary = parseBoundary(request.headers.get('content-type'));
  if (boundary === undefined || request.body === null) {
    throw agentFault('invalid', 'INVALID_FILE', 'multipart form is empty');
  }
  await using intake = new UploadIntake(context);
  await receive(request.body, new MultipartParser(boundary), intake);
  const pairs = pairUp(intake.metadata, intake.files);
  const accounts = await context.loadAccounts();
  for (const { text, file } of pairs) {
    const permission = parseMetadata(text);
    await place({ text: permission.path, context }, async (path) => {
      await placeFile({ spool: file, path, permission, accounts }, context);
    });
  }
  return emptyResponse();
};

async function place(
  target: { readonly text: string; readonly context: FileContext },
  put: (path: string) => Promise<void>,
): Promise<void> {
  const path = await target.context.resolve(target.text);
  try {
    await put(path);
  } catch (error) {
    throw runtimeFault(`error writing file ${target.text}. `, error);
  }
}

async function receive(
  body: ReadableStream<Uint8Array>,
  parser: MultipartParser,
  intake: UploadIntake,
): Promise<void> {
  const reader = body.getReader();
  const relieve = memoryRelief();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      for (const event of parser.push(next.value)) await intake.take(event);
      relieve(next.value.byteLength);
    }
    parser.finish();
  } catch (error) {
    await drain(reader);
    if (error instanceof BadMultipart) {
      throw agentFault('invalid', 'INVALID_FILE', `invalid multipart form. ${error.message}`);
    }
    throw runtimeFault('error receiving file. ', error);
  }
}

/** A client that is still sending would lose its connection before it reads why it was refused. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const relieve = memoryRelief();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read())
      relieve(next.value.byteLength);
  } catch {
    // The client has gone: nobody is left to be told.
  }
}
