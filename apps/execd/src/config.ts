import { Secret } from '@opensandbox/base';
import type { Environment } from '@opensandbox/process';
import { parseGoDuration } from './go-duration.ts';

/** What the agent was started with. */
export interface AgentConfig {
  readonly port: number;
  readonly accessToken: Secret;
  readonly jupyterHost: string;
  readonly jupyterToken: Secret;
  /** Where the database of the sandbox answers. */
  readonly mysql: { readonly hostname: string; readonly port: number };
  readonly logLevel: number;
  readonly logFile: string | undefined;
  readonly graceMs: number;
  readonly idlePollMs: number;
}

export type Invocation =
  | { readonly kind: 'run'; readonly config: AgentConfig; readonly warnings: readonly string[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

interface Option {
  readonly flag: string;
  readonly variable: string | undefined;
  readonly fallback: string;
  readonly help: string;
}

const DEFAULT_IDLE_POLL_MS = 100;

const OPTIONS = {
  port: { flag: 'port', variable: undefined, fallback: '44772', help: 'port to listen on' },
  accessToken: {
    flag: 'access-token',
    variable: 'EXECD_ACCESS_TOKEN',
    fallback: '',
    help: 'token every request must carry; none when empty',
  },
  jupyterHost: {
    flag: 'jupyter-host',
    variable: 'JUPYTER_HOST',
    fallback: '',
    help: 'base URL of the Jupyter server',
  },
  jupyterToken: {
    flag: 'jupyter-token',
    variable: 'JUPYTER_TOKEN',
    fallback: '',
    help: 'token of the Jupyter server',
  },
  mysql: {
    flag: 'mysql-address',
    variable: 'EXECD_MYSQL_ADDRESS',
    fallback: '127.0.0.1:3306',
    help: 'host and port of the database that runs SQL',
  },
  logLevel: {
    flag: 'log-level',
    variable: undefined,
    fallback: '6',
    help: '3 errors, 4 warnings, 6 information, 7 everything',
  },
  grace: {
    flag: 'graceful-shutdown-timeout',
    variable: 'EXECD_API_GRACE_SHUTDOWN',
    fallback: '1s',
    help: 'how long running streams and commands may take to end',
  },
  idlePoll: {
    flag: 'jupyter-idle-poll-interval',
    variable: 'EXECD_JUPYTER_IDLE_POLL_INTERVAL',
    fallback: '100ms',
    help: 'how often to look for late results of a kernel',
  },
} as const satisfies Record<string, Option>;

/** Reads flags (one dash or two, `--name value` or `--name=value`) over the environment over the defaults. */
export function parseInvocation(args: readonly string[], environment: Environment): Invocation {
  const problems: string[] = [];
  const given = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    // As with the flags of other agents, what is no flag ends them: platforms run `tail -f /dev/null` in the image.
    if (!(args[at] ?? '').startsWith('-')) break;
    const match = /^--?([a-zA-Z][a-zA-Z-]*)(?:=(.*))?$/s.exec(args[at] ?? '');
    const name = match?.[1];
    if (name === 'help' || name === 'h') return { kind: 'help' };
    if (name === 'version' || name === 'v') return { kind: 'version' };
    if (name === undefined || !Object.values(OPTIONS).some((option) => option.flag === name)) {
      problems.push(`unknown argument ${args[at] ?? ''}`);
      continue;
    }
    const value = match?.[2] ?? args[(at += 1)];
    if (value === undefined) problems.push(`--${name} needs a value`);
    else given.set(name, value);
  }
  const read = (option: Option): string => {
    const fromEnvironment = option.variable === undefined ? undefined : environment[option.variable];
    return (
      given.get(option.flag) ?? (fromEnvironment === '' ? undefined : fromEnvironment) ?? option.fallback
    );
  };
  return interpret(read, { problems, isHostGiven: given.has(OPTIONS.jupyterHost.flag) }, environment);
}

function interpret(
  read: (option: Option) => string,
  found: { readonly problems: string[]; readonly isHostGiven: boolean },
  environment: Environment,
): Invocation {
  const { problems } = found;
  const warnings: string[] = [];
  const port = Number(read(OPTIONS.port));
  if (!Number.isInteger(port) || port < 0 || port > 65_535) problems.push('--port must be from 0 to 65535');
  const logLevel = Number(read(OPTIONS.logLevel));
  if (!Number.isInteger(logLevel)) problems.push('--log-level must be an integer');
  const jupyterHost = read(OPTIONS.jupyterHost);
  if (!found.isHostGiven && jupyterHost !== '' && !/^https?:\/\//.test(jupyterHost)) {
    problems.push('JUPYTER_HOST must begin with http:// or https://');
  }
  const mysql = /^(.+):(\d{1,5})$/.exec(read(OPTIONS.mysql));
  if (mysql === null) problems.push('--mysql-address must be a host and a port, such as 127.0.0.1:3306');
  const graceMs = parseGoDuration(read(OPTIONS.grace));
  if (graceMs === undefined) problems.push('the graceful shutdown timeout must be a duration such as 3s');
  let idlePollMs = parseGoDuration(read(OPTIONS.idlePoll));
  if (idlePollMs === undefined) problems.push('the idle poll interval must be a duration such as 100ms');
  else if (idlePollMs <= 0) {
    warnings.push('the idle poll interval must be positive; using 100ms');
    idlePollMs = DEFAULT_IDLE_POLL_MS;
  }
  if (problems.length > 0 || graceMs === undefined || idlePollMs === undefined) {
    return { kind: 'refused', problems };
  }
  const logFile = environment['EXECD_LOG_FILE'];
  const config: AgentConfig = {
    port,
    accessToken: new Secret(read(OPTIONS.accessToken)),
    jupyterHost,
    jupyterToken: new Secret(read(OPTIONS.jupyterToken)),
    mysql: { hostname: mysql?.[1] ?? '', port: Number(mysql?.[2]) },
    logLevel,
    logFile: logFile === '' ? undefined : logFile,
    graceMs: Math.max(0, graceMs),
    idlePollMs,
  };
  return { kind: 'run', config, warnings };
}

/** What else the agent reads, where it needs it. */
const VARIABLES = [
  ['EXECD_ENVS', 'file of variables, read before each command'],
  ['EXECD_LOG_FILE', 'log there and not to standard output'],
  ['EXECD_ISOLATION_CONFIG', 'settings of isolated sessions'],
  ['EXECD_CLONE3_COMPAT', 'answer clone3 with ENOSYS: 1 or reexec'],
  ['TMPDIR', 'where the output of commands is kept'],
  ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'collector of metrics; else:'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector of everything; else:'],
  ['HOST_IP', 'host whose port 4318 is tried, as is the one in /etc/hostinfo'],
  ['OTEL_METRIC_EXPORT_INTERVAL', 'milliseconds between exports (60000)'],
  ['OPENSANDBOX_ID', 'attribute sandbox_id of all metrics'],
  ['OPENSANDBOX_EXECD_METRICS_EXTRA_ATTRS', 'further ones: k=v,k2=v2'],
] as const;

/** What `--help` prints. */
export function helpText(): string {
  const flags = Object.values<Option>(OPTIONS).map((option) => {
    const variable = option.variable === undefined ? '' : ` [${option.variable}]`;
    const fallback = option.fallback === '' ? '' : ` (${option.fallback})`;
    return `  --${option.flag.padEnd(28)} ${option.help}${fallback}${variable}`;
  });
  return [
    'Usage: execd [flags]',
    '',
    'The agent that runs inside every sandbox.',
    '',
    'Flags, with their defaults and the variables that stand for them:',
    '',
    ...flags,
    `  --${'help'.padEnd(28)} this text`,
    `  --${'version'.padEnd(28)} the version`,
    '',
    'Variables:',
    '',
    ...VARIABLES.map(([name, help]) => `  ${name.padEnd(38)} ${help}`),
    '',
  ].join('\n');
}
