import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { join } from 'node:path';
import { Fault, deadline } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import type { DockerEnvironment } from '../config/environment.ts';

export const DEFAULT_ENGINE = 'unix:///var/run/docker.sock';
const READ_MS = 5_000;
const REMOVE_MS = 60_000;

export interface EngineAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks the engine one thing. Rejects with the connection's own error when there is no answer. */
export type AskEngine = (path: string, signal: AbortSignal) => Promise<EngineAnswer>;
export type CallEngine = (
  method: 'GET' | 'DELETE',
  path: string,
  signal: AbortSignal,
) => Promise<EngineAnswer>;

export function engineAsker(env: DockerEnvironment, clock: Clock): AskEngine {
  const call = engineCaller(env, clock);
  return (path, signal) => call('GET', path, signal);
}

/** A few calls for the doctor and the quickstart; the driver has its own, much larger client. */
export function engineCaller(env: DockerEnvironment, clock: Clock): CallEngine {
  const host = env.DOCKER_HOST ?? DEFAULT_ENGINE;
  return async (method, path, signal) => {
    const limitMs = method === 'GET' ? READ_MS : REMOVE_MS;
    using limit = deadline(
      clock,
      limitMs,
      signal,
      () =>
        new Fault(
          'timeout',
          'engine.timeout',
          `The engine at ${host} did not answer within ${limitMs / 1000} s.`,
        ),
    );
    return await send({ ...target(host, env), method, path, signal: limit.signal, agent: false });
  };
}

function target(host: string, env: DockerEnvironment): https.RequestOptions & { secure?: boolean } {
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url?.protocol === 'unix:') return { socketPath: url.pathname };
  if (url?.protocol === 'npipe:') return { socketPath: host.replace(/^npipe:/, '').replaceAll('/', '\\') };
  if (
    url === undefined ||
    (url.protocol !== 'tcp:' && url.protocol !== 'http:' && url.protocol !== 'https:')
  ) {
    throw new Fault('unsupported', 'engine.failed', `DOCKER_HOST ${host} cannot be checked from here.`);
  }
  const secure = url.protocol === 'https:' || env.DOCKER_TLS_VERIFY !== undefined;
  const address = { host: url.hostname, port: url.port === '' ? (secure ? 2376 : 2375) : Number(url.port) };
  return secure ? { ...address, ...certificates(env), secure } : address;
}

function certificates(env: DockerEnvironment): https.RequestOptions {
  const dir = env.DOCKER_CERT_PATH ?? join(env.HOME ?? '', '.docker');
  const read = (name: string): Buffer => readFileSync(join(dir, name));
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

function send(options: https.RequestOptions & { secure?: boolean }): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const call = (options.secure === true ? https : http).request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
    });
    call.on('error', (error) => reject(options.signal?.aborted === true ? options.signal.reason : error));
    call.end();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text; // `/_ping` answers plain text
  }
}
