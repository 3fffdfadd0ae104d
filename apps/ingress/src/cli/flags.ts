import { type Command, InvalidArgumentError, Option } from 'commander';

/** What the flags hold before anything is checked that needs more than one of them. */
export interface Flags {
  readonly port: number;
  readonly host?: string;
  readonly mode: 'header' | 'uri' | 'wildcard';
  readonly providerType: 'batchsandbox' | 'agent-sandbox' | 'server';
  readonly namespace: string;
  readonly kubeconfig?: string;
  readonly serverUrl?: string;
  readonly serverApiKeyFile?: string;
  readonly serverWay: 'direct' | 'proxy';
  readonly serverCacheSeconds: number;
  readonly secureAccessKeys?: string;
  readonly secureAccessKeysFile?: string;
  readonly requireAccess: 'secured' | 'all';
  readonly renewIntentEnabled: boolean;
  readonly renewIntentRedisDsn: string;
  readonly renewIntentQueueKey: string;
  readonly renewIntentQueueMaxLen: number;
  readonly renewIntentMinInterval: number;
  readonly adminPort: number;
  readonly adminHost: string;
  readonly maxConnections: number;
  readonly drainSeconds: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly logFormat: 'text' | 'json';
}

/** Declares every flag of the gateway, with its default and its help. */
export function addFlags(command: Command): Command {
  addServing(command);
  addSource(command);
  addAccess(command);
  addRenewal(command);
  return addOperation(command);
}

function addServing(command: Command): void {
  command
    .option('--port <number>', 'port for clients, plain HTTP', portNumber, 28888)
    .option('--host <address>', 'address to listen on (default: all)')
    .addOption(
      new Option(
        '--mode <mode>',
        'what names the sandbox: a header or the host name (header), the path (uri); wildcard is header',
      )
        .choices(['header', 'uri', 'wildcard'])
        .default('header'),
    );
}

function addSource(command: Command): void {
  command
    .addOption(
      new Option('--provider-type <type>', 'where sandboxes are looked up')
        .choices(['batchsandbox', 'agent-sandbox', 'server'])
        .default('batchsandbox'),
    )
    .option('--namespace <name>', 'accepted and ignored: all namespaces are watched', 'opensandbox')
    .option('--kubeconfig <path>', 'how to reach the cluster (default: $KUBECONFIG, or the pod itself)')
    .option('--server-url <url>', 'the OpenSandbox server, for --provider-type server')
    .option('--server-api-key-file <path>', 'file with its API key (or set $OPEN_SANDBOX_API_KEY)')
    .addOption(
      new Option('--server-way <way>', 'dial sandboxes where the server says they are, or through its proxy')
        .choices(['direct', 'proxy'])
        .default('direct'),
    )
    .option('--server-cache-seconds <number>', 'how long its answers are good', wholeNumber, 5);
}

function addAccess(command: Command): void {
  command
    .option('--secure-access-keys <list>', 'keys that verify signed routes, as a=<base64>,b=<base64>')
    .option('--secure-access-keys-file <path>', 'the same in a file that is read again when it changes')
    .addOption(
      new Option('--require-access <which>', 'ask for credentials at sandboxes that have a token, or at all')
        .choices(['secured', 'all'])
        .default('secured'),
    );
}

function addRenewal(command: Command): void {
  command
    .option(
      '--renew-intent-enabled [true|false]',
      'tell the server through Redis when sandboxes are used',
      flag,
      false,
    )
    .option('--renew-intent-redis-dsn <dsn>', 'that Redis', 'redis://127.0.0.1:6379/0')
    .option('--renew-intent-queue-key <key>', 'the list in it', 'opensandbox:renew:intent')
    .option(
      '--renew-intent-queue-max-len <number>',
      'longest the list may get, 0 for no limit',
      wholeNumber,
      0,
    )
    .option(
      '--renew-intent-min-interval <seconds>',
      'shortest time between two for one sandbox',
      wholeNumber,
      60,
    );
}

function addOperation(command: Command): Command {
  return command
    .option('--admin-port <number>', 'port for /healthz, /readyz and /metrics, 0 for none', portOrNone, 0)
    .option('--admin-host <address>', 'address for it', '127.0.0.1')
    .option('--max-connections <number>', 'most connections of clients, 0 for no limit', wholeNumber, 0)
    .option('--drain-seconds <number>', 'how long a stop waits for what is open', wholeNumber, 15)
    .addOption(
      new Option('--log-level <level>', 'least severity that is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'form of log lines').choices(['text', 'json']).default('text'),
    );
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Give a whole number, 0 or more.');
  return Number(text);
}

export function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port < 1 || port > 65535) throw new InvalidArgumentError('Give a port between 1 and 65535.');
  return port;
}

function portOrNone(text: string): number {
  return text === '0' ? 0 : portNumber(text);
}

function flag(text: string | boolean): boolean {
  switch (String(text).toLowerCase()) {
    case 'true':
    case '1':
      return true;
    case 'false':
    case '0':
      return false;
    default:
      throw new InvalidArgumentError('Give true or false.');
  }
}

/** Programs of the Go family take `-flag` for `--flag`; manifests written for one keep working. */
export function withTwoDashes(args: readonly string[]): string[] {
  return args.map((arg) => (/^-[a-z][a-z-]+(?:=|$)/.test(arg) ? `-${arg}` : arg));
}
