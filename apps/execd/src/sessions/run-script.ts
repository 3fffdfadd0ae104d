import { basename } from 'node:path';
import type { ByteText } from './session-environment.ts';
import { quote } from './session-environment.ts';

/** What the shell of one run works with. */
export interface RunScript {
  /** Holds the user's code; the shell appends its report to it. */
  readonly path: string;
  /** Commands to run before the code; none when undefined. */
  readonly preludePath: string | undefined;
  /** Nobody can guess it, so no output of a program is ever taken for a report. */
  readonly nonce: string;
  /** The words of a program that prints its environment, each variable ended by a zero. */
  readonly reporter: readonly ByteText[];
}

/** What a shell answers when it cannot run something. */
const CANNOT_READ = 126;

const ENVIRONMENT_FOLLOWS = 'env';
const DIRECTORY_ALONE = 'dir';

/** The user may have forbidden the shell to write files. Then there is no report, and nothing else happens. */
const NOT_KILLED_FOR_SIZE = "trap '' XFSZ";

/**
 * The arguments that make a shell run the code and then report directory and exported variables.
 *
 * The code is read before anything of the report is: an unfinished quote or here-document in it cannot swallow
 * the rest. The report is printed with its own output closed off, so traces and traps of the user say nothing of
 * it, and by a child whose environment is by definition what is exported. The code sees no descriptor and, until
 * its end, no variable of ours; `exit` or `exec` in it leaves the report out. Traps on EXIT run after it.
 */
export function shellArguments(shell: string, script: RunScript): string[] {
  if (basename(shell) !== 'bash') return ['-c', posixScript(script), 'sh'];
  return ['--noprofile', '--norc', '-c', bashScript(script), 'bash'];
}

function bashScript(script: RunScript): string {
  const { path, nonce } = script;
  const directory = `builtin printf '%s\\0' ${nonce}; builtin pwd; builtin printf '\\0'`;
  // No program can be started while more is exported than the kernel takes.
  const variables = [
    "IFS=$'\\n'",
    'for n in $(builtin compgen -e)',
    'do [[ -v $n ]] && builtin printf \'%s=%s\\0\' "$n" "${!n}"',
    'done',
    'builtin true',
  ].join('; ');
  return [
    // Told apart: the end of the file is how reading ends, no file would be no code.
    `builtin unset __osb; IFS= builtin read -rd '' __osb <${path} || [[ \${__osb+read} ]] || builtin exit ${CANNOT_READ}`,
    ...prelude(script),
    '{ builtin eval "unset __osb;$__osb"',
    '{ __osb=$?',
    'builtin trap - DEBUG',
    `builtin ${NOT_KILLED_FOR_SIZE}`,
    'builtin set +ex',
    `( ${directory}; builtin exec ${words(script.reporter)} ) >>${path} || ( ${directory}; ${variables} ) >>${path}`,
    `builtin printf %s ${nonce}${ENVIRONMENT_FOLLOWS} >>${path}`,
    '} >/dev/null 2>&1',
    'builtin exit "$__osb"',
    '}',
  ].join('; ');
}

/** The same for any other shell. Where no program can be started it reports the directory alone. */
function posixScript(script: RunScript): string {
  const { path, nonce } = script;
  const directory = `command printf '%s\\0' ${nonce}; command pwd; command printf '\\0'`;
  return [
    ...prelude(script),
    `{ . ${path}`,
    '{ __osb=$?',
    'set +ex',
    `command ${NOT_KILLED_FOR_SIZE}`,
    `( ${directory}; exec ${words(script.reporter)} ) >>${path} && command printf %s ${nonce}${ENVIRONMENT_FOLLOWS} >>${path} || { ${directory}; command printf %s ${nonce}${DIRECTORY_ALONE}; } >>${path}`,
    '} >/dev/null 2>&1',
    'exit "$__osb"',
    '}',
  ].join('; ');
}

function prelude({ preludePath }: RunScript): string[] {
  return preludePath === undefined ? [] : [`. ${preludePath}`];
}

function words(program: readonly ByteText[]): string {
  return program.map(quote).join(' ');
}

/** What a run left behind for the next. */
export interface RunReport {
  readonly directory: ByteText;
  /** All exported variables; undefined when they could not be told. */
  readonly variables: ReadonlyMap<string, ByteText> | undefined;
}

/** Reads what a shell appended; undefined when it did not come to its end. */
export function parseReport(bytes: ByteText, nonce: string): RunReport | undefined {
  const hasVariables = bytes.endsWith(nonce + ENVIRONMENT_FOLLOWS);
  if (!hasVariables && !bytes.endsWith(nonce + DIRECTORY_ALONE)) return undefined;
  const opening = `${nonce}\0`;
  const start = bytes.lastIndexOf(opening); // an attempt that failed may stand before it
  if (start === -1) return undefined;
  const body = bytes.slice(start + opening.length, bytes.lastIndexOf(nonce));
  const [line = '', ...entries] = body.split('\0');
  const directory = line.endsWith('\n') ? line.slice(0, -1) : line;
  return { directory, variables: hasVariables ? parseEntries(entries) : undefined };
}

function parseEntries(entries: readonly ByteText[]): Map<string, ByteText> {
  const variables = new Map<string, ByteText>();
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals > 0) variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return variables;
}

/** Commands that go to a directory whose name is no text. */
export function changeDirectory(directory: ByteText): ByteText {
  return `cd -- ${quote(directory)} || exit 1\n`;
}
