import { Fault } from '@opensandbox/base';
import type { Logger } from '@opensandbox/base';
import { Hono } from 'hono';
import { faultResponse } from '../error-envelope.ts';
import { deleteFiles } from './delete-files.ts';
import { downloadFile } from './download.ts';
import type { FileContext, FileHandler } from './file-context.ts';
import { getInfo } from './info.ts';
import { listDirectory } from './list-directory.ts';
import { makeDirectories } from './make-directories.ts';
import { moveFiles } from './move-files.ts';
import { removeDirectories } from './remove-directories.ts';
import { replaceContents } from './replace-contents.ts';
import { searchFiles } from './search-files.ts';
import { setPermissions } from './set-permissions.ts';
import { uploadFiles } from './upload.ts';

const ROUTES: readonly (readonly [string, string, FileHandler])[] = [
  ['GET', '/files/info', getInfo],
  ['DELETE', '/files', deleteFiles],
  ['POST', '/files/mv', moveFiles],
  ['POST', '/files/permissions', setPermissions],
  ['GET', '/files/search', searchFiles],
  ['POST', '/files/replace', replaceContents],
  ['POST', '/files/upload', uploadFiles],
  ['GET', '/files/download', downloadFile],
  ['GET', '/directories/list', listDirectory],
  ['POST', '/directories', makeDirectories],
  ['DELETE', '/directories', removeDirectories],
];

/** The file operations of one view of the file system. */
export function fileRoutesOf(context: FileContext, log: Logger): Hono {
  const routes = new Hono();
  for (const [method, path, handle] of ROUTES) {
    routes.on(method, path, (c) => handle(context, c.req.raw));
  }
  routes.onError((error) => {
    if (!(error instanceof Fault)) log.error('files.unexpected', { error });
    return faultResponse(error);
  });
  return routes;
}
