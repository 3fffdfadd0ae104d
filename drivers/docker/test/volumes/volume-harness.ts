import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Fault } from '@opensandbox/base';
import { isFault } from '@opensandbox/base';
import type { SandboxRecord, SandboxSpec, Volume } from '@opensandbox/core/ports';
import { sampleRecord } from '@opensandbox/testkit';
import type { DockerTest, DockerTestOptions } from '../docker-harness.ts';
import { busyboxSpec, lines, openDockerTest } from '../docker-harness.ts';

export const { signal } = new AbortController();
export const PIN_ROOT = '/run/opensandbox/pins';

export interface VolumeTest extends AsyncDisposable {
  readonly docker: DockerTest['docker'];
  readonly driver: DockerTest['driver'];
  readonly instance: string;
  /** A name that is removed with the test, if it is there. */
  claimName(): string;
  admit(volumes: readonly Volume[]): Promise<SandboxSpec>;
  create(volumes: readonly Volume[], change?: Partial<SandboxSpec>): Promise<SandboxRecord>;
  /** As when everything changed since the request was admitted. */
  createUnadmitted(volumes: readonly Volume[]): Promise<SandboxRecord>;
  /** What a shell in the sandbox prints, both streams; rejects when it fails. */
  run(record: SandboxRecord, script: string): Promise<string>;
  destroy(record: SandboxRecord): Promise<void>;
  inspect(record: SandboxRecord): Promise<Inspect>;
}

export interface Inspect {
  readonly HostConfig: { readonly Binds: readonly string[] };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
}

export async function openVolumeTest(
  allowedHostPaths: readonly string[] = [],
  options: DockerTestOptions = {},
): Promise<VolumeTest> {
  const storage = { allowedHostPaths, ossfsMountRoot: '/mnt/ossfs' };
  const test = await openDockerTest({ ...options, deps: { storage, ...options.deps } });
  const { docker, driver, instance } = test;
  const claims: string[] = [];
  const container = ({ id }: SandboxRecord): string => `sandbox-${id}`;
  const createFrom = async (spec: SandboxSpec): Promise<SandboxRecord> => {
    const record = sampleRecord({ spec, createdAt: Date.now() });
    await driver.create(record, () => undefined, signal);
    return record;
  };
  return {
    docker,
    driver,
    instance,
    claimName() {
      const name = `volume-test-${randomUUID()}`;
      claims.push(name);
      return name;
    },
    admit: (volumes) => admit(driver, busyboxSpec({ volumes })),
    async create(volumes, change = {}) {
      return createFrom(await admit(driver, busyboxSpec({ volumes, ...change })));
    },
    createUnadmitted: (volumes) => createFrom(busyboxSpec({ volumes })),
    async run(record, script) {
      const marked = `(${script}) 2>&1; echo "=$?"`;
      const [, output = '', status] =
        /^([^]*)=(\d+)$/.exec(await docker('exec', container(record), 'sh', '-c', marked)) ?? [];
      if (status !== '0') throw new Error(output);
      return output;
    },
    async destroy(record) {
      await driver.destroy(record.id, signal);
    },
    async inspect(record) {
      const [found] = JSON.parse(await docker('inspect', container(record))) as [Inspect];
      return found;
    },
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      for (const name of claims) await docker('volume', 'rm', '-f', name).catch(() => undefined);
    },
  };
}

function admit(driver: DockerTest['driver'], spec: SandboxSpec): Promise<SandboxSpec> {
  return driver.admit(spec, signal);
}

export function hostVolume(path: string, change: Partial<Volume> = {}): Volume {
  const plain = { name: 'data', mountPath: '/mnt/data', readOnly: false, subPath: undefined };
  return { ...plain, ...change, source: { kind: 'host', path } };
}

export interface ClaimWish extends Partial<Omit<Volume, 'source'>> {
  readonly createIfMissing?: boolean;
  readonly deleteWithSandbox?: boolean;
}

export function claimVolume(claimName: string, wish: ClaimWish = {}): Volume {
  const { createIfMissing = true, deleteWithSandbox = false, ...change } = wish;
  const plain = { name: 'claim', mountPath: '/mnt/claim', readOnly: false, subPath: undefined };
  const unsaid = { storageClass: undefined, storage: undefined, accessModes: undefined };
  const source = { kind: 'claim', claimName, createIfMissing, deleteWithSandbox, ...unsaid } as const;
  return { ...plain, ...change, source };
}

/** The Fault that `work` ends with. */
export async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const ended = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!isFault(ended)) throw new Error(`no Fault, but ${String(ended)}`);
  return ended;
}

/** Mounts below the directory for pins that belong to this process. */
export async function pinMounts(): Promise<readonly string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return mounts.map((line) => line.split(' ')[4] ?? '').filter((at) => ownPins(at));
}

/** What lies in the directories for pins of this process. */
export async function pinFiles(): Promise<readonly string[]> {
  const runs = (await readdir(PIN_ROOT)).filter((name) => ownPins(`${PIN_ROOT}/${name}`));
  const inside = await Promise.all(runs.map((run) => readdir(`${PIN_ROOT}/${run}`)));
  return inside.flat();
}

function ownPins(path: string): boolean {
  return path.startsWith(`${PIN_ROOT}/`) && path.includes(`-${process.pid}-`);
}

export async function volumeNames(
  test: VolumeTest,
  ...filters: readonly string[]
): Promise<readonly string[]> {
  const given = filters.flatMap((filter) => ['--filter', filter]);
  return lines(await test.docker('volume', 'ls', '-q', ...given));
}

export async function volumeExists(test: VolumeTest, name: string): Promise<boolean> {
  const found = await volumeNames(test, `name=^${name}$`);
  return isDeepStrictEqual(found, [name]);
}
