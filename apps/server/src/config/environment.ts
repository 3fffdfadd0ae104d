import type { Problem } from './problems.ts';

/** The variables that the server reads; `main.ts` passes `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variables that reach the Docker driver. */
export interface DockerEnvironment {
  readonly DOCKER_HOST: string | undefined;
  readonly DOCKER_CONTEXT: string | undefined;
  readonly DOCKER_TLS: string | undefined;
  readonly DOCKER_TLS_VERIFY: string | undefined;
  readonly DOCKER_CERT_PATH: string | undefined;
  readonly DOCKER_API_VERSION: string | undefined;
  readonly DOCKER_CONFIG: string | undefined;
  readonly HOME: string | undefined;
  readonly PATH: string | undefined;
}

const DEFAULT_FAILURE_TTL_SECONDS = 3600;

export function dockerEnvironment(env: Environment, homeDir: string): DockerEnvironment {
  return {
    DOCKER_HOST: text(env['DOCKER_HOST']),
    DOCKER_CONTEXT: text(env['DOCKER_CONTEXT']),
    DOCKER_TLS: text(env['DOCKER_TLS']),
    DOCKER_TLS_VERIFY: text(env['DOCKER_TLS_VERIFY']),
    DOCKER_CERT_PATH: text(env['DOCKER_CERT_PATH']),
    DOCKER_API_VERSION: text(env['DOCKER_API_VERSION']),
    DOCKER_CONFIG: text(env['DOCKER_CONFIG']),
    HOME: homeDir,
    PATH: text(env['PATH']),
  };
}

/** How long a failed sandbox stays readable, from PENDING_FAILURE_TTL. */
export function failureTtlSeconds(env: Environment): number | Problem {
  const value = text(env['PENDING_FAILURE_TTL'])?.trim();
  if (value === undefined) return DEFAULT_FAILURE_TTL_SECONDS;
  if (/^\+?\d{1,9}$/.test(value)) return Number(value);
  return {
    path: 'environment variable PENDING_FAILURE_TTL',
    message: 'must be a whole number of seconds, 0 or more',
  };
}

function text(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}
