import { z } from 'zod';
import { optionalText, secretText, section, wholeNumber } from '../fields.ts';

export const serverSection = section({
  host: z
    .string()
    .min(1)
    .default('0.0.0.0')
    .describe('Address the server listens on. A loopback address also keeps sandbox ports on loopback.'),
  port: wholeNumber(1, 65535).default(8080).describe('Port the server listens on.'),
  api_key: secretText()
    .optional()
    .describe('Key that clients send in OPEN-SANDBOX-API-KEY. Blank turns authentication off.'),
  eip: optionalText().describe(
    'Host that clients are told in sandbox endpoints, when it is not server.host.',
  ),
  public_url: z
    .string()
    .refine(isBlankOrBaseUrl, 'must be an http or https URL without user, query or fragment')
    .transform((text) => (text.trim() === '' ? undefined : text))
    .optional()
    .meta({ rule: 'http or https URL without user, query or fragment' })
    .describe(
      'Base URL under which clients reach this server; used in endpoints that go through the server.',
    ),
  max_sandbox_timeout_seconds: wholeNumber(60)
    .optional()
    .describe('Longest timeout a create request may ask for. Unset: no limit.'),
  timeout_keep_alive: wholeNumber(1).default(30).describe('Seconds an idle client connection stays open.'),
  limit_concurrency: wholeNumber(0)
    .default(1024)
    .describe('Connections or running requests from which on the server answers 503. 0: no limit.'),
  backlog: wholeNumber(1).default(2048).describe('Connections that may wait to be accepted.'),
  thread_pool_size: wholeNumber(1).default(200).describe('Accepted for compatibility; has no effect.'),
  loop: z
    .enum(['auto', 'uvloop', 'asyncio'])
    .default('auto')
    .describe('Accepted for compatibility; has no effect.'),
  http: z
    .enum(['auto', 'httptools', 'h11'])
    .default('auto')
    .describe('Accepted for compatibility; has no effect.'),
});

function isBlankOrBaseUrl(text: string): boolean {
  if (text.trim() === '') return true;
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return (url.protocol === 'http:' || url.protocol === 'https:') && isPlain;
}
