import { appendFileSync, mkdirSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '@opensandbox/base';
import type { Logger } from '@opensandbox/base';
import { becomeProgram } from './become.ts';
import type { ProcessControl } from './become.ts';
import { bunRuntime } from './bun-runtime.ts';
import { applyClone3Compat, refuseClone3 } from './clone3.ts';
import type { AgentConfig } from './config.ts';
import { helpText, parseInvocation } from './config.ts';
import { jsonLogger, levelFor, rotateWhenLarge } from './json-log.ts';
import { eraseFromProcessTitle } from './own-environment.ts';
import { runAgent } from './run.ts';
import { reportEnvironment } from './sessions/reporter.ts';
import { VERSION } from './version.ts';

const CLOCK = systemClock();
/** What a POSIX shell answers when a program could not be started. */
const CANNOT_EXECUTE = 126;
const ROTATE_EVERY_LINES = 1000;

const STDOUT = 1;
const STDERR = 2;

/** Written at once, without the stream of the runtime, which costs two milliseconds of every start. */
function print(descriptor: number, text: string): void {
  try {
    writeSync(descriptor, text);
  } catch {
    // nobody reads it
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch {
    // then the log goes to standard output
  }
}

function openLog(config: AgentConfig): Logger {
  const path = config.logFile;
  if (path !== undefined) makeDirectory(dirname(path));
  let lines = 0;
  const write = (line: string): void => {
    if (path === undefined) {
      print(STDOUT, line);
      return;
    }
    lines += 1;
    if (lines % ROTATE_EVERY_LINES === 0) rotateWhenLarge(path);
    try {
      appendFileSync(path, line);
    } catch {
      print(STDOUT, line);
    }
  };
  return jsonLogger(CLOCK, levelFor(config.logLevel), write);
}

/** Whether this process has the capabilities to change its user and groups (SETGID is 6, SETUID is 7). */
function maySwitchUser(): boolean {
  try {
    const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    return (BigInt(`0x${mask ?? '0'}`) & 0xc0n) === 0xc0n;
  } catch {
    return process.getuid?.() === 0;
  }
}

/** How to start this program again: a compiled one is a single file, otherwise the runtime runs a script. */
function selfCommand(): readonly [string, ...string[]] {
  const script = process.argv[1] ?? '';
  return script.startsWith('/$bunfs/') ? [process.execPath] : [process.execPath, script];
}

/** Starts this program anew in place of this process. */
function restartAgent(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const control: ProcessControl = process;
  const [file, ...rest] = selfCommand();
  const variables = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  control.execve?.(file, [file, ...rest, ...args], Object.fromEntries(variables));
}

function start(config: AgentConfig, warnings: readonly string[]): void {
  const log = openLog(config);
  for (const warning of warnings) log.warn('config.warning', { warning });
  const token = config.accessToken.reveal();
  if (token !== '') eraseFromProcessTitle(token);
  const environment = { ...process.env };
  delete process.env['EXECD_ACCESS_TOKEN'];
  const agent = runAgent(config, {
    clock: CLOCK,
    log,
    bun: bunRuntime(),
    environment,
    cwd: process.cwd(),
    self: selfCommand(),
    maySwitchUser: maySwitchUser(),
  });
  log.info('agent.listening', { version: VERSION, port: agent.port, pid: process.pid });
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log.info('agent.stopping', { signal });
    agent.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** A process of an isolated session. What makes one is loaded by those processes alone. */
async function becomeIsolated(args: readonly string[]): Promise<void> {
  try {
    const { runInside } = await import('./isolated/inside/inside.ts');
    runInside(process, args, selfCommand());
  } catch (error) {
    print(STDERR, `${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(CANNOT_EXECUTE);
  }
}

function main(args: readonly string[]): number | undefined {
  const failed = becomeProgram(process, args, process.env);
  if (failed !== undefined) {
    print(STDERR, `${failed}\n`);
    return CANNOT_EXECUTE;
  }
  if (reportEnvironment(args, STDOUT)) return 0;
  if (args[0]?.startsWith('isolated-') === true) {
    void becomeIsolated(args);
    return undefined;
  }
  const invocation = parseInvocation(args, process.env);
  if (invocation.kind === 'help') print(STDOUT, helpText());
  if (invocation.kind === 'version') print(STDOUT, `execd ${VERSION}\n`);
  if (invocation.kind === 'refused') {
    print(STDERR, `${invocation.problems.join('\n')}\nRun execd --help for the flags.\n`);
    return 2;
  }
  if (invocation.kind !== 'run') return 0;
  const refused = applyClone3Compat({
    environment: process.env,
    refuse: refuseClone3,
    restart: (environment) => restartAgent(args, environment),
  });
  if (refused !== undefined) {
    print(STDERR, `${refused}\n`);
    return 1;
  }
  try {
    print(STDOUT, `execd ${VERSION}\n`);
    start(invocation.config, invocation.warnings);
    return undefined;
  } catch (error) {
    print(STDERR, `execd could not start: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

const status = main(process.argv.slice(2));
if (status !== undefined) process.exit(status);
