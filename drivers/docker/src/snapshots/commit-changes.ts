import type { CommitConfig } from '../engine/answers.ts';

const PLAIN_NAME = /^[A-Za-z_][\w.-]*$/;
const PLAIN_KEY = /^[\w./-]+$/;
/** Means the same with and without the quoting and the variables that build instructions know. */
const PLAIN_VALUE = /^[\w.,:/@%+-]*$/;

/** Podman sets and tells them of every container, asked for or not. They hold no secrets, and nothing runs without a path. */
const ENGINES_OWN: ReadonlySet<string> = new Set(['PATH', 'TERM', 'HOME', 'HOSTNAME', 'container']);

/** What a container was started with. */
export interface Started {
  readonly Env?: readonly string[] | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/**
 * The variables and labels of a commit that are not the container's own, as build instructions: Podman reads no other
 * description of them. What cannot be written plainly becomes empty, never what the container was started with.
 */
export function formatCommitChanges(started: Started, config: CommitConfig): string {
  const own = new Set(started.Env ?? []);
  const variables = config.Env.filter((line) => !own.has(line))
    .map((line) => {
      const end = line.indexOf('=');
      return [line.slice(0, end), line.slice(end + 1)] as const;
    })
    .filter(([name, value]) => plain(value) !== '' || !ENGINES_OWN.has(name));
  const labels = Object.entries(config.Labels).filter(([key, value]) => started.Labels?.[key] !== value);
  return [
    ...variables
      .filter(([name]) => PLAIN_NAME.test(name))
      .map(([name, value]) => `ENV ${name}=${plain(value)}`),
    ...labels
      .filter(([key]) => PLAIN_KEY.test(key))
      .map(([key, value]) => `LABEL "${key}"="${plain(value)}"`),
  ].join('\n');
}

function plain(value: string): string {
  return PLAIN_VALUE.test(value) ? value : '';
}
