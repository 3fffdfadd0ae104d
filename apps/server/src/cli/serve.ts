import { Fault, toFault } from '@opensandbox/base';
import type { Logger } from '@opensandbox/base';
import { driverSections, openServer, checkAvailable } from '../compose.ts';
import type { RunningServer, ServerConfig } from '../compose.ts';
import { load } from '../config/load.ts';
import type { LoadedConfig } from '../config/load.ts';
import { openLogs, redactText } from '@opensandbox/log';
import type { Logs } from '@opensandbox/log';
import { askTerminal } from './ask-terminal.ts';
import type { Host } from './host.ts';
import { INSECURE_VARIABLE, confirmInsecureStart } from './insecure-guard.ts';
import { listenForStop } from './stop-signals.ts';

export const EXIT_FAILED_START = 1;
/** What is configured is right, and this machine cannot give it: its port, a runtime of its engine. */
export const EXIT_FAILED_HOST = 3;
const HOST_FAULTS: ReadonlySet<string> = new Set(['server.bind_failed', 'runtime.missing']);
/** Above the time that open requests are given, for what comes after them. */
const CLOSE_LIMIT_MS = 15_000;

/** Runs the server until a signal; resolves with the exit code. */
export async function serve(host: Host, configPath: string | undefined): Promise<number> {
  let opened: { readonly loaded: LoadedConfig<ServerConfig['docker']>; readonly logs: Logs };
  try {
    const loaded = load({ ...host, configPath }, driverSections);
    opened = { loaded, logs: openLogs(loaded.config.log, host) };
  } catch (error) {
    host.stderr.write(`${startMessage(error)}\n`);
    return EXIT_FAILED_START;
  }
  const { loaded } = opened;
  using logs = opened.logs;
  using stop = listenForStop(host.signals, host.exit, stoppedByHand);
  const log = logs.server;
  // On a terminal a line of the log is before the reader's eyes already.
  const isLogSeen = host.stdout.isTTY === true && !loaded.config.log.fileEnabled;
  for (const { level, event, fields } of loaded.notices) log[level](event, fields);
  try {
    return await run(host, loaded.config, { logs, stop });
  } catch (error) {
    return stop.exitCode() ?? reportFailedStart(host, { log, isLogSeen }, error);
  }
}

async function run(
  host: Host,
  config: ServerConfig,
  context: { readonly logs: Logs; readonly stop: ReturnType<typeof listenForStop> },
): Promise<number> {
  const { logs, stop } = context;
  const log = logs.server;
  checkAvailable(config);
  await guard(host, config, log);
  const startedAt = host.clock.now();
  const agent = { rootfsDir: host.rootfsDir, version: host.version };
  const server = await openServer(config, { ...host, logs, agent }, stop.signal);
  log.info('server.listening', {
    url: server.url,
    runtime: config.runtime.type,
    version: host.version,
    startMs: host.clock.now() - startedAt,
  });
  const code = await stop.stopped;
  log.info('server.stopping');
  const isClosed = await closeInTime(host, server);
  if (isClosed) log.info('server.stopped', { note: 'sandboxes keep running' });
  else
    log.warn('server.stop_cut_short', {
      note: 'something did not end in time; it is taken up at the next start',
    });
  return code;
}

/** A call to an engine that hangs must not keep a stopped server alive. */
async function closeInTime(host: Host, server: RunningServer): Promise<boolean> {
  let timer: Disposable | undefined;
  const late = new Promise<false>((resolve) => {
    timer = host.clock.at(host.clock.now() + CLOSE_LIMIT_MS, () => resolve(false));
  });
  const isClosed = await Promise.race([server.close().then(() => true), late]);
  timer?.[Symbol.dispose]();
  return isClosed;
}

async function guard(host: Host, config: ServerConfig, log: Logger): Promise<void> {
  try {
    await confirmInsecureStart({
      apiKey: config.apiKey,
      acknowledgement: host.env[INSECURE_VARIABLE],
      ask: host.isInteractive ? (question) => askTerminal(host.clock, question) : undefined,
      log,
    });
  } catch (error) {
    throw new Fault(
      'forbidden',
      'config.insecure',
      `API key startup confirmation failed: ${toFault(error).message}`,
    );
  }
}

function reportFailedStart(
  host: Host,
  report: { readonly log: Logger; readonly isLogSeen: boolean },
  error: unknown,
): number {
  const fault = toFault(error);
  const cause = fault.cause === undefined ? {} : { cause: fault.cause };
  report.log.error('server.start_failed', { code: fault.code, message: fault.message, ...cause });
  if (!report.isLogSeen) host.stderr.write(`${startMessage(error)}\n`);
  return HOST_FAULTS.has(fault.code) ? EXIT_FAILED_HOST : EXIT_FAILED_START;
}

function startMessage(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `opensandbox-server cannot start. ${redactText(reason)}`;
}

function stoppedByHand(): Fault {
  return new Fault('cancelled', 'operation.cancelled', 'The server was stopped.');
}
