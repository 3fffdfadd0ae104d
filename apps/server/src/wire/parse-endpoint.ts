import { Fault } from '@opensandbox/base';
import type { Checked } from '@opensandbox/contract';
import { endpointPath, endpointQuery, refuse } from '@opensandbox/contract';
import { readQuery } from './query-text.ts';

export interface EndpointRequest {
  readonly port: number;
  readonly useServerProxy: boolean;
}

/** The request for an endpoint, from the port segment of the path (decoded) and the raw text after `?`. */
export function parseEndpoint(portText: string, rawQuery: string): EndpointRequest {
  const path = endpointPath.check({ port: portText }, 'path');
  const query = endpointQuery.check(readQuery(rawQuery), 'query');
  if (!path.ok || !query.ok) return refuse([...issuesOf(path), ...issuesOf(query)]);
  checkExpires(query.value.use_server_proxy, query.value.expires);
  return { port: checkPort(path.value.port), useServerProxy: query.value.use_server_proxy };
}

/** A port number as text: 422 when it is no integer, 400 when no port has it. */
export function parsePort(portText: string): number {
  const path = endpointPath.check({ port: portText }, 'path');
  return path.ok ? checkPort(path.value.port) : refuse(path.issues);
}

function issuesOf<T>(result: Checked<T>) {
  return result.ok ? [] : result.issues;
}

function checkExpires(useServerProxy: boolean, expires: number | bigint | undefined): void {
  if (expires === undefined) return;
  if (useServerProxy) {
    throw new Fault(
      'invalid',
      'parameter.invalid',
      'use_server_proxy cannot be combined with expires; signed endpoints require the gateway route.',
    );
  }
  throw new Fault(
    'unsupported',
    'endpoint.signing_unsupported',
    "Signed routes (expires parameter) are not supported when runtime.type='docker'. Use the Kubernetes runtime for signed routes.",
  );
}

function checkPort(port: number | bigint): number {
  if (port < 1 || port > 65535) {
    throw new Fault('invalid', 'port.invalid', 'Port must be between 1 and 65535.');
  }
  return Number(port);
}
