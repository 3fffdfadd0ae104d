import type { Clock, Logger, Scope } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { Hono } from 'hono';
import { commandEnvironment } from '../commands/command-environment.ts';
import type { CommandRunner } from '../commands/command-runner.ts';
import type { AgentConfig } from '../config.ts';
import type { Interruptible } from '../interrupt.ts';
import { codeRoutes } from '../routes/code.ts';
import { contextRoutes } from '../routes/contexts.ts';
import type { Code } from './code.ts';
import { createCode } from './code.ts';
import { createContexts } from './contexts.ts';
import { jupyterRequest } from './jupyter-http.ts';
import { createJupyter } from './jupyter.ts';
import type { RunSql } from './sql/sql.ts';

export interface CodeGroupDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly scope: Scope;
  readonly runner: CommandRunner;
  readonly environment: Environment;
  readonly cwd: string;
}

/** Everything below `/code`, and who interrupts what runs there. */
export function openCodeGroup(
  config: AgentConfig,
  deps: CodeGroupDeps,
): { readonly routes: Hono; readonly interruptible: Interruptible } {
  const { clock, log, scope, environment, cwd } = deps;
  const code = openCode(config, deps);
  let loading: Promise<RunSql> | undefined;
  const sql = async (statement: string, signal: AbortSignal): Promise<Response> => {
    loading ??= loadSql(config, { clock, log, scope });
    return (await loading)(statement, signal);
  };
  const routes = new Hono();
  routes.route('/', codeRoutes({ runner: deps.runner, code, sql }));
  const { contexts } = code;
  routes.route('/', contextRoutes({ log, contexts, environment, cwd, lifetime: scope.signal }));
  return { routes, interruptible: code };
}

function openCode(config: AgentConfig, deps: CodeGroupDeps): Code {
  const { clock, log, scope, environment } = deps;
  const { jupyterHost: url, jupyterToken: token, idlePollMs } = config;
  if (url === '' || token.reveal() === '') return createCode(undefined);
  const jupyter = createJupyter({ clock, url, token, request: jupyterRequest(clock) });
  const contexts = createContexts({ clock, jupyter, lifetime: scope.signal });
  const fileVariables = (): Record<string, string> => {
    const merged = Object.entries(commandEnvironment(environment, {}, log));
    return Object.fromEntries(merged.filter(([name, value]) => environment[name] !== value));
  };
  return createCode({ clock, log, scope, jupyter, contexts, idlePollMs, fileVariables });
}

/** Most sandboxes have no database: what speaks to one is loaded with the first statement. */
async function loadSql(
  config: AgentConfig,
  deps: Pick<CodeGroupDeps, 'clock' | 'log' | 'scope'>,
): Promise<RunSql> {
  const [{ createSql }, { openDatabase }] = await Promise.all([
    import('./sql/sql.ts'),
    import('./sql/bun-sql.ts'),
  ]);
  return createSql({ ...deps, open: () => openDatabase(config.mysql) });
}
