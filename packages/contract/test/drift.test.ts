import { describe, expect, it } from 'vitest';
import { openApiDocument } from '../src/index.ts';
import type { Json, Spec } from './published-spec.ts';
import { bodySchema, fieldsOf, isObject, readSpec, resolve } from './published-spec.ts';

const ours = openApiDocument() as unknown as Spec;
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

interface Published {
  readonly where: string;
  readonly theirs: Json;
  readonly mine: Json;
  /** Parameters that the path declares for all of its methods. */
  readonly shared: readonly unknown[];
}

function operationsOf(spec: Spec): readonly Published[] {
  return Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => ({
      where: `${method.toUpperCase()} ${path}`,
      theirs: resolve(spec, item[method]),
      mine: resolve(ours, ours.paths[path]?.[method]),
      shared: listOf(item['parameters']),
    })),
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function parameterNames(spec: Spec, parameters: readonly unknown[]): readonly string[] {
  return parameters.map((parameter) => {
    const { name, in: place } = resolve(spec, parameter);
    return `${String(place)} ${String(name)}`;
  });
}

function statusesOf(operation: Json): readonly string[] {
  return isObject(operation['responses']) ? Object.keys(operation['responses']) : [];
}

function responseOf(operation: Json, status: string): unknown {
  return isObject(operation['responses']) ? operation['responses'][status] : undefined;
}

/** Statuses whose body we describe by the same schema under another form of words are compared as well. */
function missingFrom(mine: readonly string[], theirs: readonly string[]): readonly string[] {
  return theirs.filter((name) => !mine.includes(name));
}

describe.each(['sandbox-lifecycle.yml', 'diagnostic-api.yml'])('our API beside %s', (name) => {
  const spec = readSpec(name);
  if (typeof spec === 'string') {
    it.skip(`is not compared: ${spec}`, () => undefined);
    console.warn(`drift: ${spec}`);
    return;
  }
  const published = operationsOf(spec);

  it('has every published path and method', () => {
    expect(published.length).toBeGreaterThan(1);
    const missing = published.filter(({ mine }) => Object.keys(mine).length === 0);
    expect(missing.map(({ where }) => where)).toEqual([]);
  });

  it('has every published status', () => {
    const missing = published.flatMap(({ where, theirs, mine }) =>
      missingFrom(statusesOf(mine), statusesOf(theirs)).map((status) => `${where} ${status}`),
    );
    expect(missing).toEqual([]);
  });

  it('has every published parameter', () => {
    const missing = published.flatMap(({ where, theirs, mine, shared }) =>
      missingFrom(
        parameterNames(ours, listOf(mine['parameters'])),
        parameterNames(spec, [...shared, ...listOf(theirs['parameters'])]),
      ).map((parameter) => `${where} ${parameter}`),
    );
    expect(missing).toEqual([]);
  });

  it('has every published request member', () => {
    const missing = published.flatMap(({ where, theirs, mine }) =>
      missingFrom(
        fieldsOf(ours, bodySchema(ours, mine['requestBody'])),
        fieldsOf(spec, bodySchema(spec, theirs['requestBody'])),
      ).map((field) => `${where} ${field}`),
    );
    expect(missing).toEqual([]);
  });

  it('has every published response member, except what is never sent', () => {
    const missing = published.flatMap(({ where, theirs, mine }) =>
      statusesOf(theirs).flatMap((status) =>
        missingFrom(
          fieldsOf(ours, bodySchema(ours, responseOf(mine, status))),
          fieldsOf(spec, bodySchema(spec, responseOf(theirs, status))),
        ).map((field) => `${where} ${status} ${field}`),
      ),
    );
    // Credentials are taken, never given back.
    expect(missing.filter((field) => !/image\.auth(\.|$)/.test(field))).toEqual([]);
  });
});
