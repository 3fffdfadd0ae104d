import type { FastifyReply, FastifyRequest } from 'fastify';
import { parseJsonBody } from '@opensandbox/contract';
import { type SandboxId, sandboxId } from '@opensandbox/core';
import { headerIn } from '@opensandbox/http';
import type { AppDeps } from '../app-options.ts';

/** What every handler may use. */
export interface RouteContext extends AppDeps {
  /** Aborts when the server begins to close. */
  readonly closing: AbortSignal;
}

/** One method of one path. Handlers answer through `reply` and throw Faults. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  readonly path: string;
  readonly handle: (request: FastifyRequest, reply: FastifyReply) => Promise<void> | void;
  /** `unread`: the handler leaves the body alone or streams it. By default it is read into memory. */
  readonly body?: 'unread';
  readonly bodyLimitBytes?: number;
}

export type Routes = (context: RouteContext) => readonly Route[];

/** The request body as a JSON value; `undefined` when there is none. */
export function jsonBody(request: FastifyRequest): unknown {
  const raw = request.body instanceof Uint8Array ? request.body : undefined;
  return parseJsonBody(raw, headerIn(request.raw.rawHeaders, 'content-type'));
}

/** A segment of the path by the name that the route gives it, decoded. */
export function pathParam(request: FastifyRequest, name: string): string {
  return (request.params as Readonly<Record<string, string>>)[name] ?? '';
}

export function idParam(request: FastifyRequest): SandboxId {
  return sandboxId(pathParam(request, 'id'));
}
