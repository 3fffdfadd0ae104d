import { readFile } from 'node:fs/promises';
import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { DockerConfig } from './config.ts';

/**
 * The `SecurityOpt` list. The engine's API takes a seccomp profile as JSON text, not as a path, so a file is
 * read here, once.
 */
export async function readSecurityOptions(config: DockerConfig): Promise<readonly string[]> {
  const { noNewPrivileges, apparmorProfile, seccompProfile } = config;
  return [
    ...(noNewPrivileges ? ['no-new-privileges:true'] : []),
    ...(apparmorProfile === undefined ? [] : [`apparmor=${apparmorProfile}`]),
    ...(seccompProfile === undefined ? [] : [`seccomp=${await readSeccomp(seccompProfile)}`]),
  ];
}

async function readSeccomp(profile: string): Promise<string> {
  if (profile === 'unconfined') return profile;
  const isDocument = profile.startsWith('{');
  const text = isDocument
    ? profile
    : await readFile(profile, 'utf8').catch((cause: unknown) => {
        throw invalidProfile(`docker.seccomp_profile: ${profile} cannot be read.`, cause);
      });
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (cause) {
    throw invalidProfile('docker.seccomp_profile does not hold JSON.', cause);
  }
}

function invalidProfile(message: string, cause: unknown): Fault {
  return new Fault('invalid', 'parameter.invalid' satisfies FaultCode, message, { cause });
}
