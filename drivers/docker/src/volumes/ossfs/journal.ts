import { createHash, randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@opensandbox/base';
import { z } from 'zod';

const mountRecord = z.object({
  version: z.literal(1),
  key: z.string().min(1),
  /** Names below the mount root, one below the other. */
  names: z.array(z.string().min(1)).min(1),
  /** How many of the lowest of them were made for it. */
  made: z.number().int().min(0),
  /** `mounting` is written before anything is made: after a crash, nobody knows how far it came. */
  state: z.enum(['mounting', 'mounted']),
  /** In the environment of every process that was started for it. */
  mark: z.string().min(1),
  fingerprint: z.string(),
});

/** What this server made for one mount. */
export type MountRecord = Readonly<z.output<typeof mountRecord>>;

/** The mounts that this server made, one file each, so that the next start knows them. Holds no credentials. */
export interface Journal {
  write(record: MountRecord): Promise<void>;
  remove(key: string): Promise<void>;
  readAll(): Promise<readonly MountRecord[]>;
}

const TEMPORARY = '.new';

export function openJournal(directory: string, log: Logger): Journal {
  const fileOf = (key: string): string => join(directory, `${digest(key)}.json`);
  return {
    async write(record) {
      const temporary = join(directory, `${randomBytes(8).toString('hex')}${TEMPORARY}`);
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(record)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, fileOf(record.key));
    },
    remove: (key) => rm(fileOf(key), { force: true }),
    async readAll() {
      const records: MountRecord[] = [];
      for (const name of await readdir(directory)) {
        const path = join(directory, name);
        if (name.endsWith(TEMPORARY)) {
          await rm(path, { force: true });
          continue;
        }
        const parsed = mountRecord.safeParse(parseJson(await readFile(path, 'utf8')));
        if (parsed.success) records.push(parsed.data);
        else log.warn('ossfs.journal_unreadable', { path });
      }
      return records;
    },
  };
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // as unreadable as the wrong shape
  }
}
