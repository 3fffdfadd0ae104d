import { ACCESS_HEADER } from '@opensandbox/route-tokens';
import type { DialAddress } from '../directory.ts';
import type { ServerAnswer } from './server-answer.ts';
import { faultOfAnswer, textField, unexpectedAnswer } from './server-faults.ts';

/** The state of a sandbox, as the server writes it. */
export function readState(id: string, answer: ServerAnswer): string {
  if (answer.status !== 200) throw faultOfAnswer(id, answer);
  const status = (answer.body as { readonly status?: unknown } | undefined)?.status;
  const state = textField(status, 'state');
  if (state === undefined) throw unexpectedAnswer('a sandbox of it has no state');
  return state;
}

export interface Endpoint {
  readonly address: DialAddress;
  /** Of a secured sandbox. */
  readonly accessToken: string | undefined;
}

/** Where the server says that a port is, and what clients have to show there. */
export function readEndpoint(id: string, answer: ServerAnswer): Endpoint {
  if (answer.status !== 200) throw faultOfAnswer(id, answer);
  const text = textField(answer.body, 'endpoint');
  const address = text === undefined ? undefined : parseEndpoint(text);
  if (address === undefined) throw unexpectedAnswer('it gave no address for a sandbox');
  const headers = (answer.body as { readonly headers?: unknown }).headers;
  return { address, accessToken: headerField(headers, ACCESS_HEADER) };
}

/** `host[:port][/path]`, with or without a scheme. */
export function parseEndpoint(text: string): DialAddress | undefined {
  const match = /^(?:http:\/\/)?(\[[0-9a-f:.]+\]|[^\s/:?#@[\]]+)(?::(\d{1,5}))?(\/[^\s?#]*)?$/i.exec(text);
  const host = match?.[1];
  if (match === null || host === undefined) return undefined;
  const port = Number(match[2] ?? '80');
  if (port < 1 || port > 65535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port, basePath: (match[3] ?? '').replace(/\/+$/, '') };
}

function headerField(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name.toLowerCase());
  return typeof found?.[1] === 'string' ? found[1] : undefined;
}
