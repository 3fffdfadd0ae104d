import { Fault } from '@opensandbox/base';
import type { CreateSandbox } from './lifecycle/lifecycle.ts';

const RESERVED_PREFIX = 'opensandbox.io/';
const LONGEST_PREFIX = 253;
const LONGEST_NAME = 63;
/** The last moment that can be written on the wire: years have four digits. */
const LAST_MOMENT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** What the domain can say about a create by itself, first problem first. Returns the deadline, epoch ms. */
export function checkCreate(
  request: CreateSandbox,
  now: number,
  maxTimeoutSeconds: number | undefined,
): number | undefined {
  if (request.spec.entrypoint.length === 0) {
    throw new Fault('invalid', 'entrypoint.invalid', 'The entrypoint must name a command.');
  }
  checkNewMetadata(request.metadata);
  return expiresAt(request.timeoutSeconds, now, maxTimeoutSeconds);
}

function checkNewMetadata(metadata: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(metadata)) {
    if (key.startsWith(RESERVED_PREFIX)) {
      throw metadataFault(
        `Metadata key '${key}' uses the reserved prefix '${RESERVED_PREFIX}'. ` +
          'Keys under this prefix are managed by the system and cannot be set via metadata.',
      );
    }
    checkPair(key, value);
  }
}

/** Keys that are only deleted need no grammar: what is not there cannot be wrong. */
export function checkPatch(patch: Readonly<Record<string, string | undefined>>): void {
  const reserved = Object.keys(patch).find((key) => key.startsWith(RESERVED_PREFIX));
  if (reserved !== undefined) {
    const message = `Metadata key '${reserved}' is reserved (${RESERVED_PREFIX} prefix).`;
    throw new Fault('invalid', 'metadata.reserved', message);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (value !== undefined) checkPair(key, value);
  }
}

function checkPair(key: string, value: string): void {
  if (!isKey(key)) {
    throw metadataFault(
      `Metadata key '${key}' is invalid: must be either a name or a DNS-subdomain prefix and name separated ` +
        `by /, where the name is up to ${LONGEST_NAME} characters and matches ` +
        '[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?, and the optional prefix is a valid DNS subdomain up to ' +
        `${LONGEST_PREFIX} characters.`,
    );
  }
  if (value !== '' && !isName(value)) {
    throw metadataFault(
      `Metadata value '${value}' is invalid: must be ${LONGEST_NAME} characters or less, start/end with an ` +
        "alphanumeric character, and contain only alphanumeric, '-', '_', or '.' characters.",
    );
  }
}

function isKey(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash < 0) return isName(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= LONGEST_PREFIX && DNS_SUBDOMAIN.test(prefix) && isName(key.slice(slash + 1));
}

function isName(text: string): boolean {
  return text.length <= LONGEST_NAME && NAME.test(text);
}

function metadataFault(message: string): Fault {
  return new Fault('invalid', 'metadata.invalid', message);
}

function expiresAt(
  timeoutSeconds: number | bigint | undefined,
  now: number,
  maxTimeoutSeconds: number | undefined,
): number | undefined {
  if (timeoutSeconds === undefined) return undefined;
  if (now + Number(timeoutSeconds) * 1000 > LAST_MOMENT) {
    throw parameterFault(`Sandbox timeout ${timeoutSeconds.toString()}s is too large to represent safely.`);
  }
  if (maxTimeoutSeconds !== undefined && timeoutSeconds > maxTimeoutSeconds) {
    throw parameterFault(
      `Sandbox timeout ${timeoutSeconds.toString()}s exceeds configured maximum of ${maxTimeoutSeconds}s.`,
    );
  }
  return now + Number(timeoutSeconds) * 1000;
}

function parameterFault(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid', message);
}
