import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@opensandbox/base';
import { z } from 'zod';
import type { DockerEnvironment } from '../deps.ts';
import { cliDirectory } from './cli-directory.ts';
import { readTlsFiles } from './tls-files.ts';
import type { Tls } from './tls-files.ts';

/** An engine's address as it is written, and who wrote it. */
export interface Endpoint {
  /** `''`: the usual local socket. */
  readonly host: string;
  /** What to name in a message about the address. */
  readonly source: string;
  /** Set when a context of the Docker CLI says so, with what else it says. */
  readonly context: { readonly tls: Tls | undefined } | undefined;
}

/** The context that stands for "no context": variables, else the usual socket. */
const DEFAULT = 'default';

const cliConfig = z.object({ currentContext: z.string().optional() });
const contextMeta = z.object({
  Endpoints: z.object({
    docker: z.object({ Host: z.string().default(''), SkipTLSVerify: z.boolean().default(false) }),
  }),
});

/** `DOCKER_HOST` wins over `DOCKER_CONTEXT`, which wins over the current context of the CLI's configuration. */
export function readEndpoint(env: DockerEnvironment): Endpoint {
  const host = env.DOCKER_HOST?.trim() ?? '';
  if (host !== '') return { host, source: 'DOCKER_HOST', context: undefined };
  const local: Endpoint = { host: '', source: 'the usual socket', context: undefined };
  const directory = cliDirectory(env);
  const wanted = env.DOCKER_CONTEXT?.trim() ?? '';
  const name = wanted === '' ? readCurrentContext(directory) : wanted;
  if (name === undefined || name === '' || name === DEFAULT) return local;
  const source = wanted === '' ? `the current context '${name}'` : `DOCKER_CONTEXT '${name}'`;
  return readContext({ name, source, directory });
}

function readCurrentContext(directory: string | undefined): string | undefined {
  if (directory === undefined) return undefined;
  const path = join(directory, 'config.json');
  const text = readIfThere(path);
  // Never with the text or the parser's complaint about it: the file may hold credentials.
  return text === undefined ? undefined : parse(cliConfig, text, `${path} is not valid JSON`).currentContext;
}

function readContext(wanted: {
  readonly name: string;
  readonly source: string;
  readonly directory: string | undefined;
}): Endpoint {
  const { name, source, directory = '' } = wanted;
  const id = createHash('sha256').update(name).digest('hex');
  const path = join(directory, 'contexts', 'meta', id, 'meta.json');
  const text = readIfThere(path);
  if (text === undefined) {
    throw invalid(`There is no Docker context '${name}': ${path} cannot be read. See 'docker context ls'.`);
  }
  const meta = parse(contextMeta, text, `The Docker context '${name}' names no engine in ${path}`);
  const { Host: host, SkipTLSVerify: skipsVerify } = meta.Endpoints.docker;
  const files = readTlsFiles(join(directory, 'contexts', 'tls', id, 'docker'), 'optional');
  const isSecure = skipsVerify || Object.keys(files).length > 0;
  return { host, source, context: { tls: isSecure ? { verify: !skipsVerify, files } : undefined } };
}

/** A home directory that this process may not enter holds no configuration for it. */
function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // whoever needs the file says so
  }
}

function parse<T>(schema: z.ZodType<T>, text: string, complaint: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw invalid(`${complaint}. Mend it, or set DOCKER_HOST.`);
  }
}

function invalid(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid', message);
}
