import type { Clock, Logger, Scope } from '@opensandbox/base';
import { deadline, Fault, openScope } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { openOutputDirectory } from '@opensandbox/process';
import { tokenCheck } from './access-token.ts';
import { createAgent } from './agent.ts';
import type { Agent, AgentDeps } from './agent.ts';
import { bunPipes } from './bun-pipes.ts';
import type { BunRuntime } from './bun-runtime.ts';
import { openCodeGroup } from './code/code-group.ts';
import { commandEnvironment } from './commands/command-environment.ts';
import type { CommandRunner } from './commands/command-runner.ts';
import { openCommands } from './commands/open-commands.ts';
import { findShell } from './commands/shell.ts';
import type { AgentConfig } from './config.ts';
import { filesRoutes } from './files/index.ts';
import { idleRelief } from './idle-relief.ts';
import type { Interruptible } from './interrupt.ts';
import { IsolatedSessions } from './isolated/isolated-sessions.ts';
import { isolatedRoutes } from './isolated/isolated-routes.ts';
import { inheritedEnvironment } from './own-environment.ts';
import { createPortProxy } from './proxy/port-proxy.ts';
import { createPty } from './pty/routes.ts';
import { reapOrphans, systemOrphans } from './reap-orphans.ts';
import { interruptRoutes } from './routes/interrupt.ts';
import type { Listening } from './serve.ts';
import { listen } from './serve.ts';
import { findReporter } from './sessions/reporter.ts';
import { sessionRoutes } from './sessions/session-routes.ts';
import { createSessions } from './sessions/sessions.ts';
import { openTelemetry } from './telemetry/open-telemetry.ts';

export interface RunDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly bun: BunRuntime;
  /** The whole environment of this process. */
  readonly environment: Environment;
  readonly cwd: string;
  readonly self: readonly [string, ...string[]];
  readonly maySwitchUser: boolean;
}

export interface RunningAgent {
  readonly port: number;
  /** Stops accepting, ends every command and lets streams tell their end, within the grace time. */
  stop(): Promise<void>;
}

const EVERY_IPV4_ADDRESS = '0.0.0.0';
/** It inherits all orphans of its container. */
const FIRST_PROCESS = 1;

/** What the agent offers beyond its own state, and how all of that is ended. */
interface Offer {
  readonly runner: CommandRunner;
  readonly groups: AgentDeps['groups'];
  /** Ends every program that runs. */
  stop(graceMs: number, signal: AbortSignal): Promise<void>;
  /** Gives up what nobody asks for after the end. */
  discard(): void;
}

function openOffer(config: AgentConfig, deps: RunDeps, scope: Scope): Offer {
  const { clock, log, bun, cwd } = deps;
  const environment = inheritedEnvironment(deps.environment);
  const state = stateName(deps.environment);
  const outputs = openOutputDirectory(outputParents(environment), state);
  const { self, maySwitchUser } = deps;
  const pipes = bunPipes(bun);
  const isSupervised = state !== undefined;
  const runner = openCommands(
    { clock, log, environment, cwd, outputs, pipes, self, maySwitchUser, isSupervised },
    scope,
  );
  const sessions = createSessions({
    clock,
    log,
    outputs,
    pipes,
    cwd,
    stop: 'kill',
    environment: () => commandEnvironment(environment, {}, log),
    shell: () => findShell(environment['PATH']),
    reporter: () => findReporter(environment['PATH'], self),
  });
  const commands: Interruptible = {
    owns: (id) => runner.find(id) !== undefined,
    interrupt: (id, signal) => runner.interrupt(id, signal),
  };
  const code = openCodeGroup(config, { clock, log, scope, runner, environment, cwd });
  const pty = createPty({ clock, log, scope, bun, environment, cwd, outputs, pipes });
  const isolated = new IsolatedSessions({
    clock,
    log,
    self,
    environment: () => commandEnvironment(environment, {}, log),
    configPath: environment['EXECD_ISOLATION_CONFIG'],
  });
  isolated.clearLeftovers().catch(() => undefined); // the first who wants a session is told why
  return {
    runner,
    groups: [
      filesRoutes({ env: () => environment, cwd, clock, log }),
      // Who may own an id, in the order they are asked: context, command, session.
      interruptRoutes([code.interruptible, commands, sessions]),
      code.routes,
      pty.routes,
      sessionRoutes({ clock, log, scope, sessions }),
      isolatedRoutes({ clock, sessions: isolated }),
    ],
    async stop(graceMs, signal) {
      pty.stop();
      const ends = [runner.stopAll(graceMs, signal), sessions.stopAll(graceMs, signal), isolated.endAll()];
      await Promise.all(ends);
    },
    discard() {
      if (!isSupervised) outputs[Symbol.dispose]();
    },
  };
}

/** Puts the agent together and opens its port. */
export function runAgent(config: AgentConfig, deps: RunDeps): RunningAgent {
  const { clock, log, bun } = deps;
  const scope = openScope(log);
  const { runner, groups, ...offer } = openOffer(config, deps, scope);
  const telemetry = openTelemetry({
    clock,
    log,
    scope,
    environment: inheritedEnvironment(deps.environment),
  });
  const agent = createAgent({
    clock,
    log,
    scope,
    telemetry,
    runner,
    proxy: createPortProxy(log),
    isAllowed: tokenCheck(config.accessToken.reveal()),
    ownPort: () => listening.port,
    groups,
  });
  const used = idleRelief(clock, () => void bun.gc(true));
  const answer: Agent = (request, visitor) => {
    if (!request.url.endsWith('/ping')) used(); // those who only ask whether it lives do not use it
    return agent(request, visitor);
  };
  if (process.pid === FIRST_PROCESS) {
    scope.run('orphans', (signal) => reapOrphans(systemOrphans(FIRST_PROCESS), clock, signal));
  }
  const listening: Listening = listen(bun, answer, { hostname: EVERY_IPV4_ADDRESS, port: config.port }, log);

  return {
    port: listening.port,
    async stop() {
      const never = new AbortController().signal;
      const late = (): Fault => new Fault('timeout', 'agent.stop_late', 'The grace time is over.');
      using grace = deadline(clock, config.graceMs, never, late);
      const ended = offer.stop(config.graceMs, never).then(() => telemetry.close(grace.signal));
      await Promise.all([ended, listening.stop(grace.signal)]);
      offer.discard();
    },
  };
}

/** Given by what starts the agent again when it ends: the same each time, so that the next finds what this one kept. */
function stateName(environment: Environment): string | undefined {
  const name = environment['_EXECD_STATE'];
  return name !== undefined && /^[0-9a-f-]{8,64}$/.test(name) ? name : undefined;
}

/** The first that can be written to wins. Images without /tmp exist, and so do read-only ones. */
function outputParents(environment: Environment): string[] {
  const wanted = environment['TMPDIR'];
  const usual = ['/tmp', '/var/tmp', '/run', '/dev/shm'];
  return wanted === undefined || wanted === '' ? usual : [wanted, ...usual];
}
