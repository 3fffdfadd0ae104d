import { existsSync } from 'node:fs';
import { CAN_OWN_ENGINE } from '../../drivers/docker/test/own-engine.ts';
import { openOwnEngineServer } from './own-engine-server.ts';
import type { OwnEngineServer } from './own-engine-server.ts';

const PROGRAM = '/usr/bin/runsc';

export const HAS_GVISOR = CAN_OWN_ENGINE && existsSync(PROGRAM);

/** Without `--network=host` this gVisor finds no way to the network that the engine gave its container. */
export const GVISOR_ENGINE = {
  config: { runtimes: { runsc: { path: PROGRAM, runtimeArgs: ['--network=host'] } } },
  storageDriver: 'overlay2',
  images: ['opensandbox-test/busybox:latest', 'opensandbox-demo:latest'],
} as const;

/** Lines of TOML for these sections. */
export interface GvisorServerOptions {
  readonly docker?: string;
  readonly storage?: string;
}

/** A server whose sandboxes all run under gVisor. */
export function openGvisorServer(options: GvisorServerOptions = {}): Promise<OwnEngineServer> {
  const { docker = '', storage = '' } = options;
  const extra = `[secure_runtime]\ntype = "gvisor"\ndocker_runtime = "runsc"\n\n[storage]\n${storage}`;
  return openOwnEngineServer(GVISOR_ENGINE, { docker, extra });
}
