import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Mounting needs root, and a machine that has these programs. */
export const CAN_MOUNT = process.getuid?.() === 0 && existsSync('/bin/mount') && existsSync('/bin/umount');

/** Whether a real FUSE file system can stand for a bucket. */
export const HAS_FUSE = CAN_MOUNT && existsSync('/usr/bin/bindfs') && existsSync('/dev/fuse');

/** What a stand-in does besides mounting. */
export type Trick =
  /** Prints to stderr, credentials included, and ends with code 3. */
  | 'fail'
  /** Never ends. */
  | 'hang'
  /** Leaves a process of a session of its own that mounts later, and hangs. */
  | 'hang-then-mount'
  /** Mounts, but takes a second for it. */
  | 'slow'
  /** Says that all is well and mounts nothing until a second later. */
  | 'late'
  /** Ends well and never mounts. */
  | 'pretend'
  /** Kills who started it, and mounts a moment later. */
  | 'kill-then-mount'
  /** Mounts, and kills who started it before that hears of it. */
  | 'mount-then-kill';

export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  /** Of the file that holds the credentials. */
  readonly file: string;
  readonly fileMode: string;
  readonly fileText: string;
  /** Names of all variables it was started with. */
  readonly environment: readonly string[];
}

/**
 * Programs `ossfs` and `ossfs2` in a directory of their own, that really mount: a directory per bucket stands for it.
 * They write down how they were called.
 */
export interface StandIn {
  /** For the PATH of a server. */
  readonly path: string;
  /** What is in a bucket, as a directory. */
  bucket(name: string): Promise<string>;
  calls(): Promise<readonly Call[]>;
  play(trick: Trick | undefined): Promise<void>;
  /** From now on, a process of its own serves each mount, as it is with the real programs. */
  serveByProcess(): Promise<void>;
  /** The processes that serve mounts. */
  servers(): Promise<readonly number[]>;
  /** How many of its processes live. */
  living(): Promise<number>;
}

const SCRIPT = `#!/bin/sh
home=HOME_DIR
trick=$(cat "$home/trick" 2>/dev/null)
program=\${0##*/}
if [ "$program" = ossfs2 ]; then
  at=$2
  file=$4
  bucket=$(sed -n 's/^--oss_bucket=//p' "$file")
  prefix=$(sed -n 's/^--oss_bucket_prefix=//p' "$file")
else
  at=$2
  bucket=\${1%%:*}
  prefix=\${1#"$bucket"}
  prefix=\${prefix#:/}
  for word in "$@"; do
    case $word in passwd_file=*) file=\${word#passwd_file=} ;; esac
  done
fi
call=$(mktemp -d "$home/calls/$(date +%s%N)-XXXXXX")
printf '%s' "$program" > "$call/program"
for word in "$@"; do printf '%s\\n' "$word"; done > "$call/args"
printf '%s' "$file" > "$call/file"
stat -c %a "$file" > "$call/mode"
cp "$file" "$call/text"
env | sed 's/=.*//' > "$call/environment"
touch "$call/complete"
source=$home/buckets/$bucket/$prefix
mkdir -p "$source"
case $trick in
  fail) echo "no access for $(cat "$file" | tr '\\n' ' ')" >&2; exit 3 ;;
  hang) sleep 600 & wait ;;
  hang-then-mount) setsid sh -c "sleep 2; mount --bind '$source' '$at'" & sleep 600 & wait ;;
  late) setsid sh -c "sleep 1; mount --bind '$source' '$at'" > /dev/null 2>&1 & exit 0 ;;
  pretend) exit 0 ;;
  slow) sleep 1 ;;
  kill-then-mount) kill -9 $PPID; sleep 1 ;;
  mount-then-kill) mount --bind "$source" "$at"; kill -9 $PPID; exit 0 ;;
esac
if [ -e "$home/fuse" ]; then exec bindfs "$source" "$at"; fi
exec mount --bind "$source" "$at"
`;

export async function makeStandIn(home: string): Promise<StandIn> {
  const bin = join(home, 'bin');
  for (const directory of [bin, join(home, 'calls'), join(home, 'buckets')]) {
    await mkdir(directory, { recursive: true });
  }
  for (const name of ['ossfs', 'ossfs2']) {
    await writeFile(join(bin, name), SCRIPT.replace('HOME_DIR', home));
    await chmod(join(bin, name), 0o755);
  }
  return {
    path: `${bin}:${USUAL_PATH}`,
    async bucket(name) {
      const directory = join(home, 'buckets', name);
      await mkdir(directory, { recursive: true });
      return directory;
    },
    async calls() {
      const names = (await readdir(join(home, 'calls'))).sort();
      const read = names.map((name) => readCall(join(home, 'calls', name)));
      return (await Promise.all(read)).filter((call) => call !== undefined);
    },
    play: (trick) =>
      trick === undefined ? rm(join(home, 'trick'), { force: true }) : writeFile(join(home, 'trick'), trick),
    serveByProcess: () => writeFile(join(home, 'fuse'), ''),
    servers: () => findProcesses(`bindfs ${home}`),
    living: async () => (await findProcesses(`${bin}/ossfs|mount --bind '${home}`)).length,
  };
}

/** By their command lines. */
export async function findProcesses(pattern: string): Promise<readonly number[]> {
  const found = await run('pgrep', ['-f', pattern]).catch(() => undefined); // none is an error to it
  return found === undefined ? [] : found.stdout.trim().split('\n').map(Number);
}

async function readCall(directory: string): Promise<Call | undefined> {
  if (!existsSync(join(directory, 'complete'))) return undefined;
  const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
  const list = async (name: string): Promise<string[]> => (await read(name)).trimEnd().split('\n');
  return {
    program: await read('program'),
    args: await list('args'),
    file: await read('file'),
    fileMode: (await read('mode')).trim(),
    fileText: await read('text'),
    environment: await list('environment'),
  };
}

/** Paths below a directory where something is mounted. */
export async function mountsBelow(directory: string): Promise<readonly string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const paths = table.split('\n').map((line) => line.split(' ')[4] ?? '');
  return paths.filter((path) => path.startsWith(`${directory}/`)).sort();
}

/** Unmounts whatever a failed test left, and removes the directory. */
export async function clearAway(directory: string): Promise<void> {
  for (const path of [...(await mountsBelow(directory))].reverse()) await run('umount', ['-l', path]);
  await rm(directory, { recursive: true, force: true });
}
