/** A kind of object as the API server's paths name it. */
export interface Resource {
  /** `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** All namespaces when absent. */
  readonly namespace?: string;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What every object of the API has; the rest is whatever somebody wrote, and has to be checked before use. */
export interface KubernetesObject {
  readonly metadata: ObjectMeta;
  readonly [member: string]: unknown;
}

/** The path of the collection. */
export function collectionPath(resource: Resource): string {
  const { group, version, plural, namespace } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${encodeURIComponent(group)}/${version}`;
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${scope}/${plural}`;
}

/** As people and RBAC rules name it: `batchsandboxes.sandbox.opensandbox.io`. */
export function resourceName({ group, plural }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** Where an object is: unique among all of its kind. */
export function objectKey({ namespace, name }: Pick<ObjectMeta, 'namespace' | 'name'>): string {
  return `${namespace ?? ''}/${name}`;
}

/** An object of the API, or undefined when it is none. */
export function readObject(value: unknown): KubernetesObject | undefined {
  if (!isRecord(value) || !isRecord(value['metadata'])) return undefined;
  return typeof value['metadata']['name'] === 'string' ? (value as KubernetesObject) : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
