import { expect } from 'vitest';
import { errorOf } from '../files-agent.ts';
import type { Ability } from './kinds.ts';
import type { Site } from './site.ts';

/** One behaviour of the agent, seen from outside. */
export interface Row {
  /** Its place in the table of behaviours. */
  readonly key: string;
  readonly name: string;
  readonly needs?: readonly Ability[];
  /** Why it does not matter how the agent is reached. */
  readonly oneWay?: string;
  /** Why neither that matters, nor the kind of sandbox. */
  readonly once?: string;
  run(site: Site): Promise<void>;
}

export async function call(site: Site, method: string, path: string, body?: unknown): Promise<Response> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(site.url + path, { method, ...(text === undefined ? {} : { body: text }) });
}

/** The JSON of an answer that must be a success. */
export async function jsonOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  expect(`${response.status} ${text}`).toMatch(/^20[01] /);
  return JSON.parse(text) as T;
}

/** A success without a body says so with its length. */
export async function expectVoid(response: Response): Promise<void> {
  expect(`${response.status} ${await response.text()}`).toBe('200 ');
  expect(response.headers.get('content-length')).toBe('0');
}

/** An error with both keys, JSON declared as such. */
export async function expectError(
  response: Response,
  status: number,
  code: string,
  message: string | RegExp = '',
): Promise<void> {
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const error = await errorOf(response);
  expect(error).toMatchObject({ status, code });
  expect(error.message).toMatch(message);
}

export const inQuery = (path: string): string => `path=${encodeURIComponent(path)}`;

export const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));
