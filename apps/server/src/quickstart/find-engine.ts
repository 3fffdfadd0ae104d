import { join } from 'node:path';
import { Fault } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import { dockerEnvironment } from '../config/environment.ts';
import type { DockerEnvironment, Environment } from '../config/environment.ts';
import { valueAt } from '../config/key-tree.ts';
import { connectionCode, engineAsker, enginePlace } from '../doctor/engine-http.ts';

export interface FoundEngine {
  readonly env: DockerEnvironment;
  readonly host: string;
  readonly version: string;
}

/** Where engines of the usual installations listen, most common first. */
export function engineCandidates(env: Environment, homeDir: string): string[] {
  const named = env['DOCKER_HOST'];
  if (named !== undefined && named !== '') return [named];
  const runtimeDir = env['XDG_RUNTIME_DIR'];
  const sockets = [
    '/var/run/docker.sock',
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, 'docker.sock')]),
    join(homeDir, '.docker/run/docker.sock'),
    join(homeDir, '.docker/desktop/docker.sock'),
    join(homeDir, '.colima/default/docker.sock'),
    join(homeDir, '.orbstack/run/docker.sock'),
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, 'podman/podman.sock')]),
    '/run/podman/podman.sock',
  ];
  return sockets.map((path) => `unix://${path}`);
}

/** The first engine that answers. */
export async function findEngine(
  deps: { readonly env: Environment; readonly homeDir: string; readonly clock: Clock },
  signal: AbortSignal,
): Promise<FoundEngine> {
  const own = dockerEnvironment(deps.env, deps.homeDir);
  const chosen = enginePlace(own, deps.clock);
  const candidates = chosen.isChosen ? [chosen.name] : engineCandidates(deps.env, deps.homeDir);
  const reasons: string[] = [];
  for (const host of candidates) {
    const env = chosen.isChosen ? own : { ...own, DOCKER_HOST: host };
    try {
      const { body } = await engineAsker(env, deps.clock)('/version', signal);
      return { env, host, version: String(valueAt(body, ['Version'])) };
    } catch (error) {
      signal.throwIfAborted();
      const code = connectionCode(error);
      const reason = error instanceof Error && chosen.isChosen ? error.message : (code ?? String(error));
      if (chosen.isChosen || code !== 'ENOENT') reasons.push(`${host}: ${reason}`);
    }
  }
  const tried = reasons.length > 0 ? reasons.join('; ') : `tried ${candidates.join(', ')}`;
  throw new Fault(
    'unavailable',
    'engine.unavailable',
    `No Docker engine answers (${tried}). Start one, or point DOCKER_HOST at it; 'npm run quickstart' installs one on Debian and Ubuntu.`,
  );
}
