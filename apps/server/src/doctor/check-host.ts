import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';

const GIB = 2 ** 30;

/** Can the server bind its port? */
export function checkPort(host: string, port: number): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(judgePort(host, port, error.code ?? error.message)),
    );
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => resolve(ok('port', `${host}:${port} is free`)));
    });
  });
}

export function judgePort(host: string, port: number, code: string): Finding {
  const where = `${host}:${port}`;
  if (code === 'EADDRINUSE') {
    return fail(
      'port',
      `${where} is in use`,
      'Is a server running already? Stop it, or set another server.port.',
    );
  }
  if (code === 'EACCES')
    return fail('port', `${where} needs more rights`, 'Set server.port to 1024 or above.');
  if (code === 'EADDRNOTAVAIL') {
    return fail('port', `this machine has no address ${host}`, 'Set server.host to 127.0.0.1 or 0.0.0.0.');
  }
  return fail('port', `${where}: ${code}`, 'Set another server.host or server.port.');
}

/** Can the database be written where it is configured? */
export function checkStore(path: string): Finding {
  const place = existsSync(path) ? path : nearestDirectory(path);
  try {
    accessSync(place, constants.W_OK);
    return ok('store', existsSync(path) ? `${path} can be written` : `${path} will be made`);
  } catch {
    return fail('store', `${place} cannot be written`, 'Set store.path to a place this user may write to.');
  }
}

export function checkDisk(label: string, path: string): Finding {
  const place = existsSync(path) ? path : nearestDirectory(path);
  try {
    const disk = statfsSync(place);
    return judgeDisk(label, place, disk.bavail * disk.bsize);
  } catch {
    return ok(label, `${place} cannot be measured from here`);
  }
}

export function judgeDisk(label: string, place: string, freeBytes: number): Finding {
  const free = `${(freeBytes / GIB).toFixed(1)} GiB free at ${place}`;
  if (freeBytes < GIB)
    return fail(label, free, 'Free some space: docker system prune removes what no container uses.');
  if (freeBytes < 5 * GIB) return warn(label, free, 'Images and sandboxes may fill it soon.');
  return ok(label, free);
}

/** `NET_ADDR_SET`: a hardware address that somebody gave the link. */
const ADDRESS_IS_SET = '3';

/** The engine's bridge as this machine shows it; `undefined` where there is nothing to say. */
export function checkBridge(link: string): Finding | undefined {
  try {
    return judgeBridge(link, readFileSync(`/sys/class/net/${link}/addr_assign_type`, 'utf8').trim());
  } catch {
    return undefined; // not here, or not Linux
  }
}

/** A bridge without an address of its own takes that of some container, and another when that one ends. */
export function judgeBridge(link: string, assigned: string): Finding | undefined {
  if (assigned === ADDRESS_IS_SET) return undefined;
  return warn(
    'bridge',
    `${link} changes its hardware address as containers come and go: connections to sandboxes stall for seconds`,
    // Not the one it shows: without containers that is all zeros, and a bridge that keeps it reaches nobody.
    `Give it one: ip link set ${link} address 02:42:ac:11:00:01`,
  );
}

/** The agent that is shipped with the server. */
export function checkBuiltinExecd(rootfsDir: string): Finding {
  const missing = ['execd', 'bootstrap.sh'].filter((name) => !existsSync(join(rootfsDir, name)));
  if (missing.length === 0) return ok('execd', `the agent shipped with the server, ${rootfsDir}`);
  return fail(
    'execd',
    `${missing.join(' and ')} missing in ${rootfsDir}`,
    'Build it with npm run build, or set runtime.execd_image to an image that holds the agent.',
  );
}

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', version);
  return fail('node', `${version} is too old`, 'Install Node.js 20.19 or newer.');
}

function nearestDirectory(path: string): string {
  let place = dirname(path);
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  return place;
}
