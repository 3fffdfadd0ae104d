import type { ContainerInspect, HealthState } from '../engine/answers.ts';
import { nameOf, oneLine, shortId } from './format-inspect.ts';
import { maskText } from './mask.ts';

const LABEL_WIDTH = 12;
const LONGEST_OUTPUT = 200;
/** The engine's word for "never". */
const NEVER = '0001-01-01';
const NOTHING = '(no notable events)';

/** What a container's state says of its past. The engine keeps no more of it than this. */
export function formatEvents(inspect: ContainerInspect, limit: number): string {
  const { State: state } = inspect;
  const head = [
    field('Container:', `${shortId(inspect.Id)} (${nameOf(inspect)})`),
    field('Status:', state.Status ?? 'unknown'),
    field('Created:', inspect.Created),
  ];
  const error = oneLine(maskText(state.Error ?? '')).trim();
  const exitCode = state.ExitCode ?? 0;
  const told = [
    ...moment('Started:', state.StartedAt),
    ...moment('Finished:', state.FinishedAt),
    ...(state.OOMKilled === true
      ? [field('Event:', 'OOMKilled - the container ran out of memory and was killed')]
      : []),
    ...(exitCode === 0 ? [] : [field('Event:', `Exited with code ${exitCode}`)]),
    ...(error === '' ? [] : [field('Event:', `Error - ${error}`)]),
    ...formatHealth(state.Health ?? undefined, limit),
  ];
  return [...head, ...(told.length === 0 ? [NOTHING] : told)].map((line) => `${line}\n`).join('');
}

function formatHealth(health: HealthState | undefined, limit: number): readonly string[] {
  if (health === undefined) return [];
  const checks = (health.Log ?? []).slice(-limit);
  const lines = checks.map(({ Start: start = '', ExitCode: code = 0, Output: output = '' }) => {
    const said = oneLine(maskText(output.trim())).slice(0, LONGEST_OUTPUT);
    return `  [${start}] exit=${code} ${said}`.trimEnd();
  });
  return [field('Health:', health.Status ?? 'unknown'), ...lines];
}

function moment(name: string, text: string | undefined): readonly string[] {
  return text === undefined || text === '' || text.startsWith(NEVER) ? [] : [field(name, text)];
}

function field(name: string, value: string): string {
  return `${name.padEnd(LABEL_WIDTH)}${value}`;
}
