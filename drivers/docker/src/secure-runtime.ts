import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { EngineInfo } from './engine/answers.ts';

/** What runs the processes of a sandbox instead of the engine's own runtime. */
export interface SecureRuntime {
  readonly kind: 'gvisor' | 'kata';
  /** Its name in the engine; `undefined` means the usual one of its kind. */
  readonly name: string | undefined;
}

const USUAL = {
  gvisor: { name: 'runsc', program: '/usr/bin/runsc', product: 'gVisor' },
  kata: { name: 'kata-runtime', program: '/usr/bin/kata-runtime', product: 'Kata Containers' },
} as const;

export function runtimeName(runtime: SecureRuntime): string {
  return runtime.name ?? USUAL[runtime.kind].name;
}

export interface MissingRuntime {
  readonly problem: string;
  readonly advice: string;
}

/** What is wrong when an engine with these runtimes is to run sandboxes with that one, and how to mend it. */
export function findMissingRuntime(
  runtime: SecureRuntime,
  runtimes: Readonly<Record<string, unknown>> | undefined,
): MissingRuntime | undefined {
  const name = runtimeName(runtime);
  const available = Object.keys(runtimes ?? {}).sort();
  if (available.includes(name)) return undefined;
  const { program, product } = USUAL[runtime.kind];
  const entry = JSON.stringify({ runtimes: { [name]: { path: program } } });
  return {
    problem:
      `Configured Docker runtime '${name}' is not available. ` +
      `Available runtimes: ${available.length === 0 ? 'none' : available.join(', ')}.`,
    advice:
      `secure_runtime.type = '${runtime.kind}' needs it: install ${product} on the engine's host, add ${entry} to /etc/docker/daemon.json and restart the engine ` +
      '(systemctl restart docker); or set secure_runtime.docker_runtime to the name of a runtime that it has.',
  };
}

/** Running sandboxes without the isolation that was asked for is no way out: the server does not start. */
export function checkSecureRuntime(runtime: SecureRuntime, info: EngineInfo): void {
  const missing = findMissingRuntime(runtime, info.Runtimes);
  if (missing === undefined) return;
  const { problem, advice } = missing;
  throw new Fault('invalid', 'runtime.missing' satisfies FaultCode, `${problem} ${advice}`);
}
