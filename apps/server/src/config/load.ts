import { Fault } from '@opensandbox/base';
import type { Secret } from '@opensandbox/base';
import { parse, TomlError } from 'smol-toml';
import { coerce } from './coerce.ts';
import { deepFreeze } from './deep-freeze.ts';
import { dockerEnvironment, failureTtlSeconds } from './environment.ts';
import type { DockerEnvironment, Environment } from './environment.ts';
import { expandHome, expandPaths } from './expand-paths.ts';
import { keyTree } from './key-tree.ts';
import type { KeyNode } from './key-tree.ts';
import { configFault, readIssues } from './problems.ts';
import type { Problem } from './problems.ts';
import { crossFieldProblems } from './rules.ts';
import { configSchema } from './schema.ts';
import type { ConfigDocument, DriverSections } from './schema.ts';
import { effectiveApiKey, eipNotice, findNotice, renewNotice, unknownKeyNotices } from './notices.ts';
import type { Notice } from './notices.ts';

export interface ConfigSources {
  /** From `--config`; wins over SANDBOX_CONFIG_PATH. */
  readonly configPath: string | undefined;
  readonly env: Environment;
  /** The text of a file; `undefined` when it does not exist. */
  readonly readFile: (path: string) => string | undefined;
  readonly homeDir: string;
}

/** Everything the server is told from outside, frozen. Secrets are `Secret`; paths have no `~` left. */
export interface Config<Docker = unknown> extends ConfigDocument<Docker> {
  /** In force: from the environment or the file, trimmed; `undefined` turns authentication off. */
  readonly apiKey: Secret | undefined;
  readonly failureTtlSeconds: number;
  readonly dockerEnvironment: DockerEnvironment;
}

export interface LoadedConfig<Docker = unknown> {
  readonly config: Config<Docker>;
  readonly path: string;
  /** What the operator should hear about; logged once the log is open. */
  readonly notices: readonly Notice[];
}

/** Which file is read: the argument, SANDBOX_CONFIG_PATH, or the default. */
export function configPath(sources: Pick<ConfigSources, 'configPath' | 'env' | 'homeDir'>): string {
  const fromEnv = sources.env['SANDBOX_CONFIG_PATH'];
  const named = sources.configPath ?? (fromEnv === '' ? undefined : fromEnv);
  return expandHome(named ?? '~/.sandbox.toml', sources.homeDir);
}

/** Reads the configuration, or throws one Fault (`config.invalid`) that names every problem. */
export function load<Docker>(sources: ConfigSources, drivers: DriverSections<Docker>): LoadedConfig<Docker> {
  const path = configPath(sources);
  const text = sources.readFile(path);
  const schema = configSchema(drivers);
  const tree = keyTree(schema);
  const document = coerce(parseToml(text ?? '', path), tree) as Record<string, unknown>;
  const parsed = schema.safeParse(document);
  const failureTtl = failureTtlSeconds(sources.env);
  const problems: Problem[] = [
    ...(parsed.success ? [] : schemaProblems(parsed.error.issues, tree, document)),
    ...crossFieldProblems(document),
    ...(typeof failureTtl === 'number' ? [] : [failureTtl]),
    ...(parsed.success ? proxyProblems(parsed.data, sources.env) : []),
  ];
  if (!parsed.success || typeof failureTtl !== 'number' || problems.length > 0) {
    throw configFault(text === undefined ? `${path} (no such file)` : path, problems);
  }
  const key = effectiveApiKey(sources.env, parsed.data.server.apiKey);
  const config: Config<Docker> = {
    ...expandPaths(parsed.data, sources.homeDir),
    apiKey: key.apiKey,
    failureTtlSeconds: failureTtl,
    dockerEnvironment: dockerEnvironment(sources.env, sources.homeDir),
  };
  const notices = [
    ...findNotice(path, text !== undefined),
    ...unknownKeyNotices(document, tree),
    ...key.notices,
    ...eipNotice(config),
    ...renewNotice(config),
  ];
  return { config: deepFreeze(config), path, notices };
}

/** A key that is asked for but not there would leave open what was meant to be closed. */
function proxyProblems({ proxy, server }: ConfigDocument<unknown>, env: Environment): Problem[] {
  if (!proxy.requireApiKey || effectiveApiKey(env, server.apiKey).apiKey !== undefined) return [];
  const message = 'needs a key to ask for: set server.api_key or OPENSANDBOX_SERVER_API_KEY.';
  return [{ path: 'proxy.require_api_key', message }];
}

function schemaProblems(
  issues: Parameters<typeof readIssues>[0],
  tree: KeyNode,
  document: unknown,
): Problem[] {
  return readIssues(issues, tree, document).map((problem) =>
    problem.path === 'runtime'
      ? {
          path: 'runtime',
          message: `the table is required. 'opensandbox-server init-config --example docker' writes a configuration to start from`,
        }
      : problem,
  );
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The parser's message quotes the lines around the error, and those may hold a key.
    const reason = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new Fault(
      'invalid',
      'config.invalid',
      `The configuration ${path} is not valid TOML: line ${error.line}, column ${error.column}: ${reason}`,
    );
  }
}
