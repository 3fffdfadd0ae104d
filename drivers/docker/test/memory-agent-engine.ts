import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import { extract, pack } from 'tar-stream';
import { Fault } from '@opensandbox/base';
import type { ContainerInspect, ContainerSummary } from '../src/engine/answers.ts';
import type { NewContainer } from '../src/engine/engine.ts';
import type { ClearingContext } from '../src/agent/clearing.ts';
import { AGENT_DIR } from '../src/names.ts';

export interface MemoryContainer {
  readonly id: string;
  readonly name: string;
  readonly volume: string;
  readonly created: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface MemoryVolume {
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly files: Map<string, Buffer>;
}

/** The part of an engine that agent volumes need, in memory. Its clock is its own, and may be wrong. */
export class MemoryAgentEngine {
  readonly containers = new Map<string, MemoryContainer>();
  readonly volumes = new Map<string, MemoryVolume>();
  /** Told before each call; what it throws is the call's answer. */
  onCall: (call: string, target: string) => Promise<void> | void = () => undefined;
  systemTime = '2030-01-01T00:00:00.123456789Z';
  #made = 0;

  readonly engine: Required<Pick<ClearingContext, 'engine'>>['engine'] & {
    createVolume(name: string, labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void>;
    writeArchive(
      id: string,
      file: { readonly path: string; readonly tar: Readable },
      signal: AbortSignal,
    ): Promise<void>;
  } = {
    createVolume: async (name, labels) => {
      await this.onCall('createVolume', name);
      this.addVolume(name, labels);
    },
    listVolumes: async () => {
      await this.onCall('listVolumes', '');
      return [...this.volumes].map(([Name, { createdAt }]) => ({ Name, CreatedAt: createdAt }));
    },
    removeVolume: async (name) => {
      await this.onCall('removeVolume', name);
      if ([...this.containers.values()].some(({ volume }) => volume === name)) throw conflict(name);
      if (!this.volumes.delete(name)) throw absent(name);
    },
    info: async () => {
      await this.onCall('info', '');
      return { SystemTime: this.systemTime };
    },
    createContainer: async (plan: NewContainer) => {
      await this.onCall('createContainer', plan.name);
      if ([...this.containers.values()].some(({ name }) => name === plan.name)) throw conflict(plan.name);
      const volume = plan.draft.HostConfig.Binds?.[0]?.split(':')[0] ?? '';
      return this.addContainer({ name: plan.name, volume, labels: plan.draft.Labels }).id;
    },
    inspectContainer: async (id) => {
      await this.onCall('inspectContainer', id);
      return describeContainer(this.#find(id));
    },
    listContainers: async () => {
      await this.onCall('listContainers', '');
      return [...this.containers.values()].map(summariseContainer);
    },
    removeContainer: async (id) => {
      await this.onCall('removeContainer', id);
      this.containers.delete(this.#find(id).id);
    },
    waitRemoved: async () => undefined,
    fileSize: async (id, path) => {
      await this.onCall('fileSize', path);
      return this.#file(id, path).length;
    },
    readArchive: async (id, path) => {
      await this.onCall('readArchive', path);
      const archive = pack();
      archive.entry({ name: path }, this.#file(id, path));
      archive.finalize();
      return buffer(archive);
    },
    writeArchive: async (id, { tar }) => {
      await this.onCall('writeArchive', id);
      const files = this.volumes.get(this.#find(id).volume)?.files;
      const reader = extract();
      reader.on('entry', ({ name, type }, stream, next) => {
        void buffer(stream).then((content) => {
          if (type === 'file') files?.set(name, content);
          next();
        });
      });
      await finished(tar.pipe(reader));
    },
  };

  addVolume(name: string, labels: MemoryVolume['labels'] = {}, createdAt = this.systemTime): MemoryVolume {
    const volume = this.volumes.get(name) ?? { labels, createdAt, files: new Map<string, Buffer>() };
    this.volumes.set(name, volume);
    return volume;
  }

  addContainer(made: Partial<MemoryContainer> & Pick<MemoryContainer, 'name' | 'volume'>): MemoryContainer {
    this.#made += 1;
    const container = { id: `id-${this.#made}`, labels: {}, created: 0, ...made };
    this.addVolume(made.volume);
    this.containers.set(container.id, container);
    return container;
  }

  #find(idOrName: string): MemoryContainer {
    const found = [...this.containers.values()].find(({ id, name }) => id === idOrName || name === idOrName);
    if (found === undefined) throw absent(idOrName);
    return found;
  }

  #file(id: string, path: string): Buffer {
    const name = path.replace(`${AGENT_DIR}/`, '');
    const content = this.volumes.get(this.#find(id).volume)?.files.get(name);
    if (content === undefined) throw absent(path);
    return content;
  }
}

function describeContainer({ id, name, labels, created }: MemoryContainer): ContainerInspect {
  return {
    Id: id,
    Name: `/${name}`,
    Created: new Date(created).toISOString(),
    State: { Status: 'created' },
    Config: { Labels: labels },
  };
}

function summariseContainer({ id, labels, created }: MemoryContainer): ContainerSummary {
  return { Id: id, Created: Math.floor(created / 1000), Labels: labels };
}

const absent = (what: string): Fault => new Fault('not_found', 'engine.failed', `no ${what}`);
const conflict = (what: string): Fault => new Fault('conflict', 'engine.failed', `conflict: ${what}`);
