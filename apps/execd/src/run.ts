import type { Clock, Logger } from '@opensandbox/base';
import { deadline, Fault, openScope } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { openOutputDirectory } from '@opensandbox/process';
import { tokenCheck } from './access-token.ts';
import { createAgent } from './agent.ts';
import type { Agent } from './agent.ts';
import type { BunRuntime } from './bun-runtime.ts';
import { createCommandRecords, RETENTION } from './commands/command-records.ts';
import { createCommandRunner } from './commands/command-runner.ts';
import type { AgentConfig } from './config.ts';
import { filesRoutes } from './files/index.ts';
import { idleRelief } from './idle-relief.ts';
import { inheritedEnvironment } from './own-environment.ts';
import { createPortProxy } from './proxy/port-proxy.ts';
import type { Listening } from './serve.ts';
import { listen } from './serve.ts';

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

/** Puts the agent together and opens its port. */
export function runAgent(config: AgentConfig, deps: RunDeps): RunningAgent {
  const { clock, log, bun, cwd } = deps;
  const scope = openScope(log);
  const environment = inheritedEnvironment(deps.environment);
  const outputs = scope.own(openOutputDirectory(outputParents(environment)));
  const records = createCommandRecords(clock, RETENTION);
  const { self, maySwitchUser } = deps;
  const runner = createCommandRunner(
    { clock, log, environment, cwd, outputs, records, self, maySwitchUser },
    scope,
  );
  const agent = createAgent({
    clock,
    log,
    scope,
    runner,
    proxy: createPortProxy(log),
    isAllowed: tokenCheck(config.accessToken.reveal()),
    ownPort: () => listening.port,
    groups: [filesRoutes({ env: () => environment, cwd, clock, log })],
  });
  const used = idleRelief(clock, () => void bun.gc(true));
  const answer: Agent = (request, visitor) => {
    if (!request.url.endsWith('/ping')) used(); // those who only ask whether it lives do not use it
    return agent(request, visitor);
  };
  const listening: Listening = listen(bun, answer, { hostname: EVERY_IPV4_ADDRESS, port: config.port }, log);

  return {
    port: listening.port,
    async stop() {
      const never = new AbortController().signal;
      const late = (): Fault => new Fault('timeout', 'agent.stop_late', 'The grace time is over.');
      using grace = deadline(clock, config.graceMs, never, late);
      const stopped = listening.stop(grace.signal);
      await runner.stopAll(config.graceMs, never);
      await stopped;
      outputs[Symbol.dispose]();
    },
  };
}

/** The first that can be written to wins. Images without /tmp exist, and so do read-only ones. */
function outputParents(environment: Environment): string[] {
  const wanted = environment['TMPDIR'];
  const usual = ['/tmp', '/var/tmp', '/run', '/dev/shm'];
  return wanted === undefined || wanted === '' ? usual : [wanted, ...usual];
}
