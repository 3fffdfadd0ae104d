import { agentFault } from './error-envelope.ts';

/**
 * The fields of a request body. Names are matched without case, `null` counts as absent, fields nobody asks
 * for are ignored; a field of the wrong kind is refused.
 */
export interface JsonFields {
  text(name: string): string | undefined;
  flag(name: string): boolean | undefined;
  integer(name: string, smallest: number, largest: number): number | undefined;
  textMap(name: string): Readonly<Record<string, string>> | undefined;
  fields(name: string): JsonFields | undefined;
}

/** The fields of a parsed body; `null` is an empty object. `prefix` opens the message of every refusal. */
export function jsonFields(body: unknown, prefix: string): JsonFields {
  const fail = (name: string, wanted: string): never => {
    throw agentFault('invalid', 'INVALID_REQUEST_BODY', `${prefix}${name} must be ${wanted}`);
  };
  const object = isObject(body) ? body : body === null ? {} : fail('the body', 'a JSON object');
  const find = (name: string): unknown => valueOf(object, name) ?? undefined;

  return {
    text(name) {
      const value = find(name);
      return value === undefined || typeof value === 'string' ? value : fail(name, 'a string');
    },
    flag(name) {
      const value = find(name);
      return value === undefined || typeof value === 'boolean' ? value : fail(name, 'a boolean');
    },
    integer(name, smallest, largest) {
      const value = find(name);
      if (value === undefined) return undefined;
      const isInteger = typeof value === 'number' && Number.isInteger(value);
      const fits = isInteger && value >= smallest && value <= largest;
      return fits ? value : fail(name, `an integer from ${smallest} to ${largest}`);
    },
    textMap(name) {
      const value = find(name);
      if (value === undefined) return undefined;
      if (!isObject(value)) return fail(name, 'an object of strings');
      const entries = Object.entries(value).filter(([, entry]) => entry !== null);
      const isText = entries.every(([, entry]) => typeof entry === 'string');
      return isText
        ? (Object.fromEntries(entries) as Record<string, string>)
        : fail(name, 'an object of strings');
    },
    fields(name) {
      const value = find(name);
      return value === undefined ? undefined : jsonFields(value, prefix);
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueOf(object: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(object, name)) return object[name];
  const key = Object.keys(object).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : object[key];
}
