import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { Fault } from '@opensandbox/base';
import type { DockerEnvironment } from '../deps.ts';
import { cliDirectory } from './cli-directory.ts';

/** What TLS with the engine needs. Without an authority the system's own are trusted. */
export interface Tls {
  readonly verify: boolean;
  readonly files: TlsFiles;
}

export interface TlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const NAMES = ['ca', 'cert', 'key'] as const;

/** The files that `DOCKER_CERT_PATH` names, else those of the Docker CLI, which need not be there. */
export function readEnvironmentTls(env: DockerEnvironment): Tls {
  const named = env.DOCKER_CERT_PATH === '' ? undefined : env.DOCKER_CERT_PATH;
  const directory = named ?? cliDirectory(env);
  const mode = named === undefined ? 'optional' : 'required';
  const files = directory === undefined ? {} : readTlsFiles(directory, mode);
  // As with the Docker CLI, DOCKER_TLS alone means: encrypted, whoever answers.
  const skipsVerify = (env.DOCKER_TLS ?? '') !== '' && (env.DOCKER_TLS_VERIFY ?? '') === '';
  return { verify: !skipsVerify, files };
}

/** Reads and tries them: what cannot work is told here, by the file's name, and not by the first connection. */
export function readTlsFiles(directory: string, mode: 'required' | 'optional'): TlsFiles {
  const files: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const name of NAMES) {
    const path = join(directory, `${name}.pem`);
    try {
      files[name] = readFileSync(path);
    } catch (cause) {
      const isAbsent = mode === 'optional' && (cause as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isAbsent) throw unusable(`${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`);
    }
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw unusable(`${directory} holds only one of cert.pem and key.pem`);
  }
  tryFiles(directory, files);
  return files;
}

/** The library's own complaints name no file; so each is tried by itself, and then the pair. */
function tryFiles(directory: string, { ca, cert, key }: TlsFiles): void {
  if (ca !== undefined && !works({ ca })) throw unusable(`${join(directory, 'ca.pem')} holds no certificate`);
  if (cert === undefined || key === undefined) return;
  if (!works({ cert })) throw unusable(`${join(directory, 'cert.pem')} holds no certificate`);
  if (!works({ key })) {
    throw unusable(`${join(directory, 'key.pem')} holds no private key, or one that a passphrase protects`);
  }
  if (!works({ cert, key })) throw unusable(`cert.pem and key.pem of ${directory} do not belong together`);
}

function works(files: TlsFiles): boolean {
  const isPem = Object.values(files).every((file: Buffer) => file.includes('-----BEGIN '));
  try {
    createSecureContext(files);
    return isPem;
  } catch {
    return false; // never with the library's complaint: it concerns a key
  }
}

function unusable(why: string): Fault {
  return new Fault(
    'invalid',
    'parameter.invalid',
    `The TLS files of the Docker engine cannot be used: ${why}. ca.pem is the engine's authority; cert.pem and ` +
      'key.pem are what this server shows.',
  );
}
