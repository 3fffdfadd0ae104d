import type { AddressInfo } from 'node:net';
import { type Clock, Fault, type Logger, type Scope, deadline, openScope } from '@opensandbox/base';
import { openIntentPublisher } from '@opensandbox/renew-intents';
import { openTracing } from '@opensandbox/telemetry';
import type { TelemetryEnvironment, Tracing } from '@opensandbox/telemetry';
import { createGatekeeper } from './access/gatekeeper.ts';
import { DEFAULT_GUESS_LIMIT } from './access/guess-limit.ts';
import { createAdminServer } from './admin-server.ts';
import type { SandboxDirectory } from './directory.ts';
import { createGatewayMeter } from './gateway-meter.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { type KeySource, fixedKeys, openKeyFile } from './keys/key-source.ts';
import { openKubernetesDirectory } from './kubernetes/open-kubernetes-directory.ts';
import { type Listener, listen } from './listen.ts';
import type { IngressOptions, KeyOptions, RenewOptions, SourceOptions } from './options.ts';
import type { Visit } from './route-request.ts';
import { openServerSource } from './server-source/open-server-source.ts';

export interface IngressDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly readFileLater: (path: string) => Promise<string>;
  /** Where traces are sent, by the variables of OpenTelemetry; nowhere when absent. */
  readonly env?: TelemetryEnvironment;
  readonly version?: string;
}

export interface RunningIngress {
  readonly url: string;
  readonly port: number;
  /** Reads the key file again. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** Everything in order; the port for clients opens last. */
export async function openIngress(
  options: IngressOptions,
  deps: IngressDeps,
  signal: AbortSignal,
): Promise<RunningIngress> {
  const { clock, log } = deps;
  const scope = openScope(log);
  try {
    const keys = await openKeys(options.keys, deps);
    scope.run('keys', (stopped) => keys.watch(stopped));
    const directory = await openDirectory(options.source, deps, scope, signal);
    warnWhenOpen(options, log);
    const meter = createGatewayMeter({ directory: () => directory.health() });
    const { requireAccess: rule, mode, maxConnections } = options;
    const gateway = openGateway({
      mode,
      directory,
      gatekeeper: createGatekeeper({ rule, keys: keys.current, limit: DEFAULT_GUESS_LIMIT, clock }),
      visited: openVisits(options.renew, deps, scope),
      clock,
      log,
      meter,
      tracing: await openTraces(deps, scope),
      maxConnections,
    });
    const life = { isStopping: false };
    const admin = options.admin === undefined ? undefined : createAdminServer({ directory, meter, life });
    if (admin !== undefined && options.admin !== undefined) await open(admin, options.admin, scope);
    const url = await listen(gateway.server, options.listen, '--port or --host');
    return {
      url,
      port: (gateway.server.address() as AddressInfo).port,
      reload: () => keys.reload(),
      close: () => close({ gateway, life, scope, drainMs: options.drainMs }),
    };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

/** How long the last spans may take to reach their collector. */
const FLUSH_MS = 3_000;

async function openTraces(
  { env = {}, version = '', log, clock }: IngressDeps,
  scope: Scope,
): Promise<Tracing> {
  const tracing = await openTracing({ service: 'opensandbox-ingress', version, env, log });
  scope.own({
    async [Symbol.asyncDispose]() {
      const late = (): Fault =>
        new Fault('timeout', 'gateway.closing', 'the collector did not take the last spans');
      using limit = deadline(clock, FLUSH_MS, new AbortController().signal, late);
      await tracing.close(limit.signal);
    },
  });
  return tracing;
}

interface Closing {
  readonly gateway: Gateway;
  readonly life: { isStopping: boolean };
  readonly scope: Scope;
  readonly drainMs: number;
}

async function close({ gateway, life, scope, drainMs }: Closing): Promise<void> {
  life.isStopping = true;
  await gateway.close(drainMs);
  await scope[Symbol.asyncDispose]();
}

async function open(admin: Listener, at: NonNullable<IngressOptions['admin']>, scope: Scope): Promise<void> {
  await listen(admin, at, '--admin-port or --admin-host');
  scope.own({
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        admin.close(() => resolve());
        admin.closeAllConnections();
      }),
  });
}

async function openKeys(options: KeyOptions, { clock, log, readFileLater }: IngressDeps): Promise<KeySource> {
  switch (options.kind) {
    case 'none':
      return fixedKeys('');
    case 'list':
      return fixedKeys(options.list.reveal());
    case 'file':
      return openKeyFile(options.path, { readFile: readFileLater, clock, log });
  }
}

async function openDirectory(
  source: SourceOptions,
  deps: IngressDeps,
  scope: Scope,
  signal: AbortSignal,
): Promise<SandboxDirectory> {
  switch (source.kind) {
    case 'server':
      return scope.own(openServerSource(source, deps)).directory;
    case 'kubernetes': {
      const { workload: provider, cluster } = source;
      return scope.own(await openKubernetesDirectory({ provider, source: cluster }, deps, signal)).directory;
    }
  }
}

/** Visits go to the control plane, through Redis; without it they are nobody's business. */
function openVisits(
  renew: RenewOptions | undefined,
  deps: IngressDeps,
  scope: Scope,
): (visit: Visit) => void {
  if (renew === undefined) return () => undefined;
  const publisher = openIntentPublisher(renew, deps, scope);
  return (visit) => publisher.publish({ ...visit, observedAt: deps.clock.now() });
}

function warnWhenOpen({ source, requireAccess }: IngressOptions, log: Logger): void {
  if (source.kind !== 'server' || requireAccess === 'all') return;
  log.warn('gateway.open', {
    message:
      'Whoever reaches this gateway and knows the id of a sandbox reaches its ports: sandboxes without a token ask ' +
      'for nothing. Use --require-access all to ask for signed routes.',
  });
}
