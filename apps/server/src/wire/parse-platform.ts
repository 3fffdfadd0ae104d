import { Fault } from '@opensandbox/base';
import type { Platform } from '@opensandbox/core';

interface RawPlatform {
  readonly os: string;
  readonly arch: string;
}

/** A platform in lower case; other spellings of the same architecture are not taken. */
export function parsePlatform(raw: RawPlatform | undefined): Platform | undefined {
  if (raw === undefined) return undefined;
  const os = raw.os.trim().toLowerCase();
  if (os !== 'linux' && os !== 'windows') {
    throw fault(`Unsupported platform.os '${raw.os}'. Supported values: ['linux', 'windows'].`);
  }
  const arch = raw.arch.trim().toLowerCase();
  if (arch !== 'amd64' && arch !== 'arm64') {
    throw fault(`Unsupported platform.arch '${raw.arch}'. Supported values: ['amd64', 'arm64'].`);
  }
  return { os, arch };
}

function fault(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid', message);
}
