import type { Connection } from '../engine/connection.ts';
import { isLoopback } from '../engine/connection.ts';

/**
 * Why paths of the engine's host cannot be mounted, as far as the connection tells. The server resolves and makes
 * them on its own machine; on another one they would be other files, or none.
 */
export function whyNoHostPaths(
  { protocol, socketPath, host, name }: Pick<Connection, 'protocol' | 'socketPath' | 'host' | 'name'>,
  platform: string,
): string | undefined {
  if (platform !== 'linux') return 'that needs a server that runs on Linux';
  const isHere = protocol !== 'ssh' && (socketPath !== undefined || isLoopback(host ?? ''));
  return isHere
    ? undefined
    : `that needs a server on the machine of the Docker engine, which is elsewhere (${name})`;
}
