import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { docker, IMAGES } from '../support/sandbox-container.ts';

/** What a row may need of a sandbox and not every kind of sandbox has. */
export type Ability = 'root' | 'an ordinary user' | 'accounts';

/** One way a sandbox can be made: an image, and how it is run. */
export interface Kind {
  readonly name: string;
  readonly image: string;
  readonly flags: readonly string[];
  /** Rows that need one of these are left out, for this reason. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>;
}

const ROOT = { 'an ordinary user': 'it runs as root, who is refused nothing' };
const NO_ACCOUNTS = { accounts: 'the image has no /etc/passwd: there are no names' };

/** An image that holds one file, a static program called sh. */
const ONE_SHELL = `opensandbox-test/one-shell-${process.pid}`;

export const KINDS: readonly Kind[] = [
  { name: 'Debian', image: IMAGES[0], flags: [], cannot: ROOT },
  { name: 'busybox', image: IMAGES[1], flags: [], cannot: { ...ROOT, ...NO_ACCOUNTS } },
  { name: 'nothing but a static sh', image: ONE_SHELL, flags: [], cannot: { ...ROOT, ...NO_ACCOUNTS } },
  {
    name: 'an ordinary user',
    image: IMAGES[0],
    flags: ['--user=65534', '--env=HOME=/tmp'],
    cannot: { root: 'it runs as user 65534, who cannot become another or give files away' },
  },
  {
    name: 'a read-only root file system',
    image: IMAGES[0],
    flags: ['--read-only', '--tmpfs=/tmp'],
    cannot: ROOT,
  },
];

/** Makes the image that holds nothing but a shell; the returned function removes it. */
export async function makeShellImage(): Promise<() => Promise<void>> {
  const files = mkdtempSync(join(tmpdir(), 'execd-one-shell-'));
  try {
    const id = (await docker(['create', IMAGES[1], 'never-started'])).stdout.trim();
    mkdirSync(join(files, 'root', 'bin'), { recursive: true });
    mkdirSync(join(files, 'root', 'tmp'));
    chmodSync(join(files, 'root', 'tmp'), 0o1777);
    await docker(['cp', '--follow-link', `${id}:/bin/busybox`, join(files, 'busybox')]);
    await docker(['rm', id]);
    renameSync(join(files, 'busybox'), join(files, 'root', 'bin', 'sh'));
    execFileSync('tar', ['-C', join(files, 'root'), '-c', '-f', join(files, 'image.tar'), '.']);
    await docker(['import', join(files, 'image.tar'), ONE_SHELL]);
  } finally {
    rmSync(files, { recursive: true });
  }
  return async () => {
    await docker(['rmi', ONE_SHELL]);
  };
}
