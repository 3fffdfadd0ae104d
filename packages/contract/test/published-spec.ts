import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export type Json = Readonly<Record<string, unknown>>;

export interface Spec {
  readonly paths: Readonly<Record<string, Json>>;
  readonly components: Json;
}

/** A specification file of the folder that CONTRACT_DIR names, or why there is none. */
export function readSpec(name: string): Spec | string {
  const folder = process.env['CONTRACT_DIR'];
  if (folder === undefined || folder === '') {
    return 'CONTRACT_DIR is not set: name the folder that holds openapi/*.yml to compare with the published API';
  }
  const file = join(folder, 'openapi', name);
  if (!existsSync(file)) throw new Error(`${file} does not exist; CONTRACT_DIR must hold openapi/${name}`);
  return parse(readFileSync(file, 'utf8')) as Spec;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Follows a `$ref` inside the document. */
export function resolve(spec: Spec, node: unknown): Json {
  if (!isObject(node)) return {};
  const target = node['$ref'];
  if (typeof target !== 'string') return node;
  let found: unknown = spec;
  for (const name of target.replace('#/', '').split('/')) found = isObject(found) ? found[name] : undefined;
  return resolve(spec, found);
}

/** The paths of every member of a schema, through references, lists and alternatives. */
export function fieldsOf(spec: Spec, node: unknown, prefix = ''): readonly string[] {
  if (prefix.split('.').length > 8) return [];
  const schema = resolve(spec, node);
  const alternatives = ['anyOf', 'oneOf', 'allOf'].flatMap((word) => {
    const list = schema[word];
    return Array.isArray(list) ? list.flatMap((one) => fieldsOf(spec, one, prefix)) : [];
  });
  const items = schema['items'] === undefined ? [] : fieldsOf(spec, schema['items'], `${prefix}[]`);
  const properties = isObject(schema['properties']) ? Object.entries(schema['properties']) : [];
  const members = properties.flatMap(([name, member]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return [path, ...fieldsOf(spec, member, path)];
  });
  return [...new Set([...alternatives, ...items, ...members])];
}

/** The schema of a JSON body in a request or response. */
export function bodySchema(spec: Spec, node: unknown): unknown {
  const content = resolve(spec, node)['content'];
  const json = isObject(content) ? content['application/json'] : undefined;
  return isObject(json) ? json['schema'] : undefined;
}
