import { Fault, type Logger, toFault } from '@opensandbox/base';
import { openLogs } from '@opensandbox/log';
import { type RunningIngress, openIngress } from '../compose.ts';
import type { IngressOptions } from '../options.ts';
import type { Host, SignalName } from './host.ts';

const EXIT_FAILED_START = 1;
const EXIT_CODES = { SIGINT: 0, SIGTERM: 143, SIGHUP: 129 } as const;
/** Beyond the time that open requests are given, for what comes after them. */
const CLOSE_LIMIT_MS = 10_000;

/** Runs the gateway until a signal; resolves with the exit code. */
export async function serve(host: Host, options: IngressOptions): Promise<number> {
  using logs = openLogs(
    { ...options.log, fileEnabled: false, fileMaxBytes: 0, fileBackupCount: 0 },
    { clock: host.clock, stdout: host.stdout },
  );
  const log = logs.server;
  using stop = listenForSignals(host, () => void ingress?.reload());
  let ingress: RunningIngress | undefined;
  try {
    ingress = await openIngress(options, { ...host, log }, stop.signal);
  } catch (error) {
    const { code, message } = toFault(error);
    log.error('gateway.start_failed', { code, message });
    host.stderr.write(`opensandbox-ingress cannot start. ${message}\n`);
    return stop.exitCode() ?? EXIT_FAILED_START;
  }
  log.info('gateway.listening', { url: ingress.url, mode: options.mode, version: host.version });
  const code = await stop.stopped;
  log.info('gateway.stopping');
  await closeInTime({ host, log, limitMs: options.drainMs + CLOSE_LIMIT_MS }, ingress);
  return code;
}

interface Closing {
  readonly host: Host;
  readonly log: Logger;
  readonly limitMs: number;
}

async function closeInTime({ host, log, limitMs }: Closing, ingress: RunningIngress): Promise<void> {
  let timer: Disposable | undefined;
  const late = new Promise<false>((resolve) => {
    timer = host.clock.at(host.clock.now() + limitMs, () => resolve(false));
  });
  const isClosed = await Promise.race([ingress.close().then(() => true), late]);
  timer?.[Symbol.dispose]();
  if (isClosed) log.info('gateway.stopped');
  else log.warn('gateway.stop_cut_short');
}

interface Stop extends Disposable {
  readonly signal: AbortSignal;
  readonly stopped: Promise<number>;
  exitCode(): number | undefined;
}

/** The first signal to stop does so, the second one ends the process at once; SIGHUP reloads. */
function listenForSignals({ signals, exit }: Host, reload: () => void): Stop {
  const controller = new AbortController();
  let code: number | undefined;
  let resolve: (code: number) => void = () => undefined;
  const stopped = new Promise<number>((done) => (resolve = done));
  const onSignal = (name: SignalName): void => {
    if (code !== undefined) {
      exit(name === 'SIGINT' ? 130 : EXIT_CODES[name]);
      return;
    }
    code = EXIT_CODES[name];
    controller.abort(new Fault('cancelled', 'operation.cancelled', 'The gateway was stopped.'));
    resolve(code);
  };
  // From the start: a signal that nobody listens for would end the process.
  signals.on('SIGHUP', reload);
  signals.on('SIGINT', onSignal);
  signals.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    stopped,
    exitCode: () => code,
    [Symbol.dispose]() {
      signals.off('SIGHUP', reload);
      signals.off('SIGINT', onSignal);
      signals.off('SIGTERM', onSignal);
    },
  };
}
