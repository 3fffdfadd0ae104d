import { createHash, timingSafeEqual } from 'node:crypto';
import { jsonResponse } from './error-envelope.ts';
import { OWN_ANSWER_HEADER } from './proxy/forwarded-headers.ts';

export const TOKEN_HEADER = 'x-execd-access-token';

const REFUSAL = 'Unauthorized: invalid or missing header X-EXECD-ACCESS-TOKEN';

/** Decides whether a request may pass. Takes equally long whatever was sent. */
export type TokenCheck = (given: string | null) => boolean;

export function tokenCheck(expected: string): TokenCheck {
  if (expected === '') return () => true;
  const wanted = digest(expected);
  return (given) => timingSafeEqual(digest(given ?? ''), wanted);
}

/** `error` is what clients have always read here; `code` and `message` are what they read everywhere else. */
export function unauthorized(): Response {
  const response = jsonResponse({ error: REFUSAL, code: 'UNAUTHORIZED', message: REFUSAL }, 401);
  response.headers.set(OWN_ANSWER_HEADER, 'unauthorized');
  return response;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
