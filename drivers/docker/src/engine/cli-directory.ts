import { join } from 'node:path';
import type { DockerEnvironment } from '../deps.ts';

/** Where the Docker CLI keeps its configuration. */
export function cliDirectory(env: DockerEnvironment): string | undefined {
  if (env.DOCKER_CONFIG !== undefined && env.DOCKER_CONFIG !== '') return env.DOCKER_CONFIG;
  return env.HOME === undefined ? undefined : join(env.HOME, '.docker');
}
