import { stat } from 'node:fs/promises';
import { agentFault } from '../error-envelope.ts';
import { downloadBytes } from './download-bytes.ts';
import { downloadLines } from './download-lines.ts';
import type { FileHandler } from './file-context.ts';
import { integerQuery, queryOf, requiredPath } from './requests.ts';
import { accessFault } from './system-errors.ts';

/** A file, a range of its bytes, or some of its lines. */
export const downloadFile: FileHandler = async (context, request) => {
  const query = queryOf(request);
  const asked = requiredPath(query);
  const lineOffset = integerQuery(query, 'offset', 1);
  const lineLimit = integerQuery(query, 'limit', 1);
  const byLine = lineOffset !== undefined || lineLimit !== undefined;
  if (byLine && request.headers.has('range')) {
    const message = 'a Range header cannot be combined with offset or limit';
    throw agentFault('invalid', 'INVALID_REQUEST_BODY', message);
  }
  const path = await context.resolve(asked);
  const stats = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw accessFault(error);
  });
  // Devices and pipes have no end, and directories no bytes.
  if (!stats.isFile()) {
    const what = stats.isDirectory() ? 'a directory' : 'not a regular file';
    throw agentFault('invalid', 'INVALID_FILE', `path is ${what}: ${path}`);
  }
  if (byLine) return downloadLines(path, { offset: lineOffset ?? 1, limit: lineLimit ?? Infinity });
  return downloadBytes({ path, stats, headers: request.headers });
};
