import { agentFault } from '../error-envelope.ts';
import { parseFirstJson } from '../json-body.ts';
import { jsonFields } from '../json-fields.ts';
import { parsePermission } from './permission.ts';
import type { Permission } from './permission.ts';
import { messageOf } from './system-errors.ts';

/** Where an uploaded file goes and what it becomes there. */
export interface UploadTarget extends Permission {
  readonly path: string;
}

/** Throws `INVALID_FILE_METADATA` when the text is no usable metadata. */
export function parseMetadata(text: string): UploadTarget {
  const target = readMetadata(text);
  if (target.path === '') throw badMetadata('metadata path is empty');
  if (target.path.endsWith('/')) throw badMetadata(`metadata path names a directory: ${target.path}`);
  return target;
}

function readMetadata(text: string): UploadTarget {
  try {
    const value = parseFirstJson(text);
    return { path: jsonFields(value, '').text('path') ?? '', ...parsePermission(value, '') };
  } catch (error) {
    throw badMetadata(`invalid metadata format. ${messageOf(error)}`);
  }
}

/** The n-th metadata belongs to the n-th file, whatever the order of the parts. */
export function pairUp<T>(
  metadata: readonly string[],
  files: readonly T[],
): { readonly text: string; readonly file: T }[] {
  if (metadata.length === 0 && files.length === 0) {
    throw agentFault('invalid', 'INVALID_FILE', 'multipart form is empty');
  }
  if (metadata.length === 0) throw badMetadata('metadata file is missing');
  if (files.length === 0) throw agentFault('invalid', 'INVALID_FILE_CONTENT', 'file is missing');
  if (metadata.length !== files.length) {
    const message = `metadata and file count mismatch: ${metadata.length} vs ${files.length}`;
    throw agentFault('invalid', 'INVALID_FILE', message);
  }
  return files.map((file, index) => ({ text: metadata[index] ?? '', file }));
}

function badMetadata(message: string): Error {
  return agentFault('invalid', 'INVALID_FILE_METADATA', message);
}
