import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

/** The system's own tools, whatever the server's search path is; English messages, for the log. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/**
 * Mounts what a descriptor holds open onto `target`, with what is mounted below it. The child inherits the
 * descriptor as its number 3; the path below `/proc/self` leads to exactly that, and must not be resolved to text.
 *
 * Private at once: while a copy shares its events with the original, unmounting the copy would unmount what is
 * mounted below the original, too.
 */
export function bindMount(fd: number, target: string): Promise<void> {
  return run('mount', ['--no-canonicalize', '--rbind', '--make-rprivate', '/proc/self/fd/3', target], fd);
}

/** Whatever still uses it keeps it until it is done. */
export function unmount(target: string): Promise<void> {
  return run('umount', ['--lazy', '--no-canonicalize', target]);
}

/** For a mount whose maker may have died before it was private. */
export async function unmountLeftover(target: string): Promise<void> {
  await run('mount', ['--no-canonicalize', '--make-rprivate', target]);
  await unmount(target);
}

/** Never aborted: a mount that nobody waited for would be nobody's to undo. */
async function run(program: string, args: readonly string[], fd?: number): Promise<void> {
  const child = spawn(program, args, {
    env: ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe', ...(fd === undefined ? [] : [fd])],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const { pid, stderr } = child;
  // What could not be started has no streams, whatever their type says.
  const complaint = pid === undefined || stderr === null ? Promise.resolve('') : text(stderr);
  const [code, words] = await Promise.all([ended, complaint]);
  if (code !== 0) throw new Error(`${program} ended with ${code ?? 'a signal'}: ${words.trim()}`);
}
