import type { z } from 'zod';
import type { ComponentName, JsonObject } from './components.ts';
import { plainSchema, reference } from './components.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** One operation of the API, as short as it can be said. */
export interface Operation {
  readonly path: string;
  readonly method: Method;
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly query?: z.ZodType;
  readonly body?: { readonly schema: ComponentName; readonly optional?: boolean };
  readonly success: Success;
  /** Statuses of the error answers. */
  readonly errors: readonly number[];
  /** Answers without an API key. */
  readonly isPublic?: boolean;
}

export interface Success {
  readonly status: number;
  readonly description: string;
  readonly schema?: ComponentName;
  /** The answer is plain text, or may be. */
  readonly text?: boolean;
  /** The answer has a `Location` header. */
  readonly located?: boolean;
}

const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request asks for something that is not allowed.',
  401: 'The API key is missing or wrong.',
  403: 'The API key does not allow this.',
  404: 'There is no such resource.',
  409: 'The state of the resource does not allow this now.',
  413: 'The body is too large.',
  422: 'The request does not have the right shape.',
  500: 'The server or its engine failed.',
  501: 'This server does not offer this.',
  502: 'The service inside the sandbox does not answer.',
  503: 'The server or its engine is not available now.',
  504: 'It took too long.',
};

const REQUEST_ID = {
  'X-Request-ID': { description: 'Names the request in the logs of the server.', schema: { type: 'string' } },
};
const LOCATION = { Location: { description: 'Where the new resource is.', schema: { type: 'string' } } };

export function formatOperation(operation: Operation): JsonObject {
  const parameters = [...pathParameters(operation.path), ...queryParameters(operation.query)];
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...formatBody(operation.body),
    responses: formatResponses(operation),
    ...(operation.isPublic === true ? { security: [] } : {}),
  };
}

function pathParameters(path: string): readonly JsonObject[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'port' ? { type: 'integer', minimum: 1, maximum: 65535 } : { type: 'string' },
  }));
}

function queryParameters(schema: z.ZodType | undefined): readonly JsonObject[] {
  if (schema === undefined) return [];
  const { properties } = plainSchema(schema) as { readonly properties: Readonly<Record<string, JsonObject>> };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: 'query',
    required: false,
    description,
    schema: property,
    ...(property['type'] === 'array' ? { style: 'form', explode: true } : {}),
  }));
}

function formatBody(body: Operation['body']): JsonObject {
  if (body === undefined) return {};
  const content = { 'application/json': { schema: reference(body.schema) } };
  return { requestBody: { required: body.optional !== true, content } };
}

function formatResponses(operation: Operation): JsonObject {
  const { success } = operation;
  const entries = operation.errors.map((status) => [String(status), formatError(status)] as const);
  return {
    [String(success.status)]: {
      description: success.description,
      headers: { ...REQUEST_ID, ...(success.located === true ? LOCATION : {}) },
      ...formatContent(success),
    },
    ...Object.fromEntries(entries),
  };
}

function formatContent(success: Success): JsonObject {
  const content = {
    ...(success.schema === undefined ? {} : { 'application/json': { schema: reference(success.schema) } }),
    ...(success.text === true ? { 'text/plain': { schema: { type: 'string' } } } : {}),
  };
  return Object.keys(content).length === 0 ? {} : { content };
}

function formatError(status: number): JsonObject {
  const schema = reference(status === 422 ? 'ValidationErrorResponse' : 'ErrorResponse');
  return {
    description: ERRORS[status] ?? 'The request failed.',
    headers: REQUEST_ID,
    content: { 'application/json': { schema } },
  };
}
