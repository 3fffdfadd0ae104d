import { Fault } from '@opensandbox/base';
import type { Volume } from '@opensandbox/contract';

/** The rules that need no host and no engine, volume by volume in the request's order. */
export function checkVolumes(volumes: readonly Volume[], allowedHostPaths: readonly string[]): void {
  const names = new Set<string>();
  for (const volume of volumes) {
    if (names.has(volume.name)) {
      throw fault(
        'volume.duplicate_name',
        `Duplicate volume name '${volume.name}'. Each volume must have a unique name.`,
      );
    }
    names.add(volume.name);
    checkSubPath(volume.subPath ?? '');
    if (volume.host !== undefined) checkHostPath(volume.host.path, allowedHostPaths);
    if (volume.ossfs !== undefined) checkOssfs(volume.ossfs);
  }
}

function checkSubPath(subPath: string): void {
  const path = subPath.replaceAll('\\', '/');
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) {
    throw fault('volume.sub_path', `SubPath '${subPath}' must be a relative path, not absolute.`);
  }
  if (path.split('/').includes('..')) {
    throw fault('volume.sub_path', `SubPath '${subPath}' contains path traversal '..' which is not allowed.`);
  }
}

function checkHostPath(raw: string, allowed: readonly string[]): void {
  const path = raw.replaceAll('\\', '/');
  if (path.split('/').includes('..')) {
    throw fault('volume.host_path', `Host path '${raw}' contains path traversal component '..'.`);
  }
  const isRoot = path === '/' || /^[A-Za-z]:\/$/.test(path);
  if (path.includes('//') || (path.endsWith('/') && !isRoot)) {
    throw fault('volume.host_path', `Host path '${raw}' is not normalized. Remove redundant slashes.`);
  }
  if (allowed.some((prefix) => liesUnder(path, prefix))) return;
  const list = allowed.map((prefix) => `'${prefix}'`).join(', ');
  throw fault(
    'volume.host_path_not_allowed',
    `Host path '${raw}' is not under any allowed prefix. Allowed prefixes: [${list}]`,
  );
}

/** Compares whole components, so that `/data-evil` does not lie under `/data`. */
function liesUnder(path: string, prefix: string): boolean {
  if (!/^(?:[/\\]|[A-Za-z]:)/.test(prefix)) return false; // a blank one is no root: it allows nothing
  const parts = components(path);
  const above = components(prefix);
  return above.every((part, index) => parts[index] === part);
}

function components(path: string): readonly string[] {
  const [first = '', ...rest] = path.replaceAll('\\', '/').split('/');
  const drive = /^[A-Za-z]:$/.test(first) ? first.toLowerCase() : first;
  return [drive, ...rest.filter((part) => part !== '')];
}

function checkOssfs(ossfs: NonNullable<Volume['ossfs']>): void {
  if (ossfs.bucket.trim() === '') throw fault('volume.ossfs_bucket', 'OSSFS bucket cannot be empty.');
  if (ossfs.endpoint.trim() === '') throw fault('volume.ossfs_endpoint', 'OSSFS endpoint cannot be empty.');
  for (const option of ossfs.options ?? []) {
    if (option.trim() === '') {
      throw fault('volume.ossfs_option', 'OSSFS options must be non-empty strings.');
    }
    if (option.trim().startsWith('-')) {
      throw fault(
        'volume.ossfs_option',
        "OSSFS options must be raw option payloads without '-' prefix (e.g. 'allow_other', 'uid=1000').",
      );
    }
  }
}

function fault(code: string, message: string): Fault {
  return new Fault('invalid', code, message);
}
