import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { FaultCode, SandboxId } from '@opensandbox/core/ports';
import type { Clock, KeyedLock, Logger } from '@opensandbox/base';
import { createKeyedLock, Fault, isFault } from '@opensandbox/base';
import type { FileIdentity } from '../backend.ts';
import { countExisting, makeDirectories, removeEmpty } from './directories.ts';
import { fingerprintOf, isSameFingerprint } from './fingerprint.ts';
import type { HeldPaths } from './holders.ts';
import type { MountHome } from './home.ts';
import type { MountRecord } from './journal.ts';
import type { MountTable } from './mount-table.ts';
import { isWithin, readMountTable } from './mount-table.ts';
import type { MounterDeps, Place } from './mounter.ts';
import { mountBucket } from './mounter.ts';
import { lookAt, unmountPlace } from './mount-tools.ts';
import type { Look } from './mount-tools.ts';
import type { CredentialedMount, OssMount } from './oss-mount.ts';
import type { Names, Taken } from './places.ts';
import { choosePlace, inheritedFrom } from './places.ts';
import { killMarked } from './strays.ts';

export interface MountsDeps {
  readonly home: MountHome;
  readonly clock: Clock;
  readonly log: Logger;
  readonly searchPath: string;
  readonly listHeldPaths: (signal: AbortSignal) => Promise<HeldPaths>;
}

/** `restored`: known from the label of a container only, not from a create of this process. */
type Hold = 'own' | 'restored';

interface Entry {
  readonly key: string;
  readonly names: Names;
  readonly holders: Map<SandboxId, Hold>;
  /** Absent: another server mounted it, and containers that are here hold it. */
  record: MountRecord | undefined;
  /** Why it could not be unmounted, as last logged. */
  complaint: string | undefined;
}

/**
 * The buckets that are mounted below one root, and which sandboxes hold each. Whether something is mounted is always
 * asked of the kernel; this knows only what it is there for.
 */
export class OssMounts {
  readonly #deps: MountsDeps;
  readonly #mounter: MounterDeps;
  readonly #entries = new Map<string, Entry>();
  /** By key: one mount or unmount of a place at a time. */
  readonly #places: KeyedLock<string> = createKeyedLock();
  /** By bucket, and only for a moment: directories that several places share, and who made them. */
  readonly #directories: KeyedLock<string> = createKeyedLock();

  constructor(deps: MountsDeps) {
    this.#deps = deps;
    const { clock, searchPath, home } = deps;
    this.#mounter = { clock, searchPath, filesDir: home.filesDir };
  }

  /** Takes over what earlier runs left: keeps what a container holds, and removes what nobody does. */
  async restore(signal: AbortSignal): Promise<void> {
    const { home } = this.#deps;
    const records = await home.journal.readAll();
    const table = await readMountTable();
    const hasMounts = [...table].some((path) => path !== home.realPath && isWithin(path, home.realPath));
    if (records.length === 0 && !hasMounts) return;
    const held = await this.#deps.listHeldPaths(signal);
    for (const record of records) {
      const holders = held.get(join(home.path, ...record.names)) ?? new Set<SandboxId>();
      this.#addRestored({ key: record.key, names: record.names, record }, holders);
    }
    for (const [path, holders] of held) {
      const names = this.#namesOf(path);
      if (names === undefined || !table.has(this.#place(names).realPath)) continue;
      const isKnown = [...this.#entries.values()].some((entry) => this.#place(entry.names).path === path);
      if (!isKnown) this.#addRestored({ key: names.join('/'), names, record: undefined }, holders);
    }
    for (const entry of [...this.#entries.values()]) {
      const { record } = entry;
      if (record?.state === 'mounting') {
        // Whatever was mounting it may still be at it, and how far it came is not known.
        await killMarked(record.mark, this.#deps.clock);
        await this.#places.run(entry.key, () => this.#takeBack(entry), signal);
      } else if (entry.holders.size === 0) {
        await this.#places.run(entry.key, () => this.#dispose(entry), signal);
      }
    }
  }

  /** Refuses a mount that could not be shared with what is there. Makes nothing. */
  async check(mount: CredentialedMount): Promise<void> {
    const entry = this.#entries.get(mount.key);
    if (entry === undefined) {
      this.#refuseForeign(mount, await readMountTable());
    } else if (entry.holders.size > 0 && (await readMountTable()).has(this.#place(entry.names).realPath)) {
      this.#requireSame(entry, mount);
    }
  }

  /** Mounts unless it is mounted, and notes who holds it. */
  acquire(mount: CredentialedMount, id: SandboxId, signal: AbortSignal): Promise<Acquired> {
    const work = async (): Promise<Acquired> => {
      const shared = await this.#sharable(mount, signal);
      const { entry, look } = shared ?? (await this.#mountAnew(mount, signal));
      entry.holders.set(id, 'own');
      const identity = look.kind === 'seen' ? look.identity : undefined;
      return { path: this.#place(entry.names).path, identity };
    };
    return this.#places.run(mount.key, work, signal);
  }

  /** Forgets that a sandbox holds one key, or all of its own. The last one unmounts. */
  async release(id: SandboxId, signal: AbortSignal, key?: string): Promise<void> {
    const held = [...this.#entries.values()].filter(
      (entry) => entry.holders.has(id) && (key === undefined || entry.key === key),
    );
    await Promise.all(
      held.map((entry) =>
        this.#places.run(
          entry.key,
          async () => {
            entry.holders.delete(id);
            if (entry.holders.size === 0 && this.#isCurrent(entry)) await this.#dispose(entry);
          },
          signal,
        ),
      ),
    );
  }

  /** Unmounts what could not be unmounted before, and what containers held that are gone. */
  async sweep(signal: AbortSignal): Promise<void> {
    const isRestored = [...this.#entries.values()].some((entry) => hasRestored(entry));
    const held = isRestored ? await this.#deps.listHeldPaths(signal) : undefined;
    for (const entry of [...this.#entries.values()]) {
      if (entry.holders.size > 0 && !hasRestored(entry)) continue;
      const task = async (): Promise<void> => {
        if (held !== undefined) this.#dropGone(entry, held);
        if (entry.holders.size === 0 && this.#isCurrent(entry)) await this.#dispose(entry);
      };
      await this.#places.run(entry.key, task, signal);
    }
  }

  #dropGone(entry: Entry, held: HeldPaths): void {
    const present = held.get(this.#place(entry.names).path);
    for (const [id, hold] of entry.holders) {
      if (hold === 'restored' && present?.has(id) !== true) entry.holders.delete(id);
    }
  }

  /** The mount that is there and may be used for this one. */
  async #sharable(mount: CredentialedMount, signal: AbortSignal): Promise<Mounted | undefined> {
    const entry = this.#entries.get(mount.key);
    const table = await readMountTable();
    if (entry === undefined) {
      this.#refuseForeign(mount, table);
      return undefined;
    }
    const place = this.#place(entry.names);
    if (!table.has(place.realPath)) return undefined;
    const isWanted = entry.holders.size > 0;
    if (isWanted) this.#requireSame(entry, mount);
    if (isWanted) {
      const look = await lookAt(this.#mounter, place, signal);
      if (look.kind !== 'dead') return { entry, look };
    }
    // Nobody's any more, or dead: the containers that hold it have lost it already.
    const why = await unmountPlace(this.#mounter, place);
    if (why === undefined) return undefined;
    throw new Fault(
      'conflict',
      'volume.ossfs_conflict' satisfies FaultCode,
      `OSS bucket '${mount.key}' cannot be mounted anew, because an older mount of it cannot be removed: ${why}`,
    );
  }

  async #mountAnew(mount: CredentialedMount, signal: AbortSignal): Promise<Mounted> {
    const { clock, log } = this.#deps;
    const began = clock.now();
    const entry = await this.#reserve(mount, signal);
    const record = entry.record;
    if (record === undefined) throw new Fault('internal', 'internal.unexpected', 'no record of a mount');
    const place = this.#place(entry.names);
    let look: Look;
    try {
      const make = (): Promise<void> => makeDirectories(this.#deps.home.root, entry.names);
      await this.#directories.run(mount.bucket, make, signal);
      const task = { mount, mark: record.mark, ...place };
      await mountBucket(this.#mounter, task, signal);
      look = await lookAt(this.#mounter, place, signal);
      if (look.kind === 'dead') throw silent(mount, look.why);
      await this.#write(entry, { ...record, state: 'mounted' });
    } catch (error) {
      await this.#takeBack(entry);
      throw error instanceof Fault ? error : notMade(mount, error);
    }
    log.info('ossfs.mounted', { mount: mount.key, durationMs: clock.now() - began });
    return { entry, look };
  }

  /** Chooses the place and writes it down, before anything is made. */
  #reserve(mount: CredentialedMount, signal: AbortSignal): Promise<Entry> {
    const { home } = this.#deps;
    const task = async (): Promise<Entry> => {
      const before = this.#entries.get(mount.key);
      const names = before?.names ?? this.#choosePlace(mount, await readMountTable());
      const entry: Entry = before ?? { key: mount.key, names, holders: new Map(), ...NEW_ENTRY };
      this.#entries.set(mount.key, entry);
      try {
        const existing = await countExisting(home.root, names);
        const made = Math.max(
          names.length - existing,
          inheritedFrom(this.#taken(), names),
          before?.record?.made ?? 0,
        );
        await this.#write(entry, {
          version: 1,
          key: mount.key,
          names: [...names],
          made,
          state: 'mounting',
          mark: randomBytes(16).toString('hex'),
          fingerprint: fingerprintOf(mount, home.fingerprintKey),
        });
      } catch (error) {
        if (before === undefined) this.#entries.delete(mount.key);
        throw error instanceof Fault ? error : notMade(mount, error);
      }
      return entry;
    };
    return this.#directories.run(mount.bucket, task, signal);
  }

  #taken(): readonly Taken[] {
    return [...this.#entries.values()].map(({ names, record }) => ({ names, made: record?.made ?? 0 }));
  }

  #choosePlace(mount: OssMount, table: MountTable): Names {
    const { realPath } = this.#deps.home;
    const mounted = [...table].filter((path) => path !== realPath && isWithin(path, realPath));
    const foreign = mounted.map((path) => path.slice(realPath.length + 1).split('/'));
    return choosePlace(mount.key, [...foreign, ...[...this.#entries.values()].map((entry) => entry.names)]);
  }

  /** After a mount that failed, or that nobody knows the end of. */
  async #takeBack(entry: Entry): Promise<void> {
    if (entry.holders.size === 0) return this.#dispose(entry);
    // Containers hold an earlier mount of it, which is gone: what is left for them is to be forgotten.
    const why = await unmountPlace(this.#mounter, this.#place(entry.names));
    if (why !== undefined) this.#complain(entry, why);
  }

  /** Unmounts and removes what was made. What cannot be unmounted stays known, and is tried again. */
  async #dispose(entry: Entry): Promise<void> {
    const { home, log } = this.#deps;
    try {
      const place = this.#place(entry.names);
      const wasMounted = (await readMountTable()).has(place.realPath);
      const why = await unmountPlace(this.#mounter, place);
      if (why !== undefined) {
        this.#complain(entry, why);
        return;
      }
      const forever = new AbortController().signal;
      await this.#directories.run(entry.names[0] ?? '', () => this.#forget(entry), forever);
      if (wasMounted) log.info('ossfs.unmounted', { mount: entry.key });
    } catch (error) {
      log.warn('ossfs.unmount_failed', { mount: entry.key, path: join(home.path, ...entry.names), error });
    }
  }

  async #forget(entry: Entry): Promise<void> {
    const { root, journal } = this.#deps.home;
    if (entry.record !== undefined) await removeEmpty(root, entry.names, entry.record.made);
    await journal.remove(entry.key);
    this.#entries.delete(entry.key);
  }

  #complain(entry: Entry, why: string): void {
    if (entry.complaint === why) return;
    entry.complaint = why;
    const path = this.#place(entry.names).path;
    this.#deps.log.warn('ossfs.unmount_failed', { mount: entry.key, path, error: why });
  }

  async #write(entry: Entry, record: MountRecord): Promise<void> {
    await this.#deps.home.journal.write(record);
    entry.record = record;
    entry.complaint = undefined;
  }

  #requireSame(entry: Entry, mount: CredentialedMount): void {
    const known = entry.record?.fingerprint;
    if (known === undefined)
      throw conflict(mount, 'by another server, with credentials that are not known here');
    const wanted = fingerprintOf(mount, this.#deps.home.fingerprintKey);
    if (!isSameFingerprint(known, wanted)) {
      throw conflict(mount, 'with other credentials, or another endpoint, version or options');
    }
  }

  #refuseForeign(mount: CredentialedMount, table: MountTable): void {
    if (table.has(this.#place(mount.key.split('/')).realPath)) {
      throw conflict(mount, 'by somebody else, with credentials that are not known here');
    }
  }

  #addRestored(known: Pick<Entry, 'key' | 'names' | 'record'>, holders: ReadonlySet<SandboxId>): void {
    const held = new Map<SandboxId, Hold>([...holders].map((id) => [id, 'restored']));
    this.#entries.set(known.key, { ...NEW_ENTRY, ...known, holders: held });
  }

  #isCurrent(entry: Entry): boolean {
    return this.#entries.get(entry.key) === entry;
  }

  #place(names: Names): Place {
    const { path, realPath } = this.#deps.home;
    return { path: join(path, ...names), realPath: join(realPath, ...names) };
  }

  /** Names below the root that a label's path consists of; anything else in a label is none of ours. */
  #namesOf(path: string): Names | undefined {
    const root = this.#deps.home.path;
    if (!isWithin(path, root)) return undefined;
    const names = path.slice(root.length + 1).split('/');
    return names.every((name) => name !== '' && name !== '.' && name !== '..') ? names : undefined;
  }
}

interface Mounted {
  readonly entry: Entry;
  readonly look: Look;
}

export interface Acquired {
  readonly path: string;
  /** Of the root of the bucket, as far as it could be looked at. */
  readonly identity: FileIdentity | undefined;
}

const NEW_ENTRY = { record: undefined, complaint: undefined };

function hasRestored(entry: Entry): boolean {
  return [...entry.holders.values()].includes('restored');
}

function conflict(mount: OssMount, how: string): Fault {
  return new Fault(
    'conflict',
    'volume.ossfs_conflict' satisfies FaultCode,
    `OSS bucket '${mount.key}' is already mounted ${how}. Use the same ones, or delete the sandboxes that use it first.`,
  );
}

function silent(mount: OssMount, why: string): Fault {
  return new Fault(
    'internal',
    'volume.ossfs_failed' satisfies FaultCode,
    `OSS bucket '${mount.key}' was mounted, but cannot be looked at: ${why}`,
  );
}

function notMade(mount: OssMount, error: unknown): Fault {
  if (isFault(error)) return error;
  return new Fault(
    'internal',
    'volume.ossfs_failed' satisfies FaultCode,
    `Failed to mount OSS bucket '${mount.key}': the directory for it cannot be made.`,
    { cause: error },
  );
}
