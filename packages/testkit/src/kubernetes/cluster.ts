import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeCertificates } from './certificates.ts';
import type { Certificates } from './certificates.ts';
import { startDaemon } from './daemon.ts';
import type { Daemon } from './daemon.ts';
import { freePorts } from './free-ports.ts';

/** Who may speak to the cluster: `admin` does anything, the others what RBAC rules grant them. */
export type ClusterTokens = Readonly<Record<string, string>>;

/** A real etcd and a real API server on free ports of the loopback. No nodes: nothing runs in pods. */
export interface Cluster extends AsyncDisposable {
  readonly directory: string;
  readonly server: string;
  readonly port: number;
  /** The certificate of its authority. */
  readonly authority: string;
  /** As `admin`. Answers with a status of 400 and more are errors unless `mayFail`. */
  api(method: string, path: string, body?: unknown, options?: ApiOptions): Promise<ApiAnswer>;
  /** Writes a kubeconfig and returns its path. */
  kubeconfig(name: string, wish: KubeconfigWish): Promise<string>;
  /** Ends the API server where it stands. What etcd holds stays. */
  kill(): Promise<void>;
  /** Starts it again, on the same port, with these flags and tokens instead of those of the last time. */
  start(change?: { readonly flags?: readonly string[]; readonly tokens?: ClusterTokens }): Promise<void>;
  /** Makes etcd forget all history before now. */
  compact(): Promise<void>;
}

export interface ApiOptions {
  readonly mayFail?: boolean;
  readonly contentType?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface KubeconfigWish {
  readonly token?: string;
  readonly tokenFile?: string;
  /** Instead of the cluster's own port: that of something in between. */
  readonly port?: number;
}

export const ADMIN_TOKEN = 'admin-token';

/** Where `tools/kubernetes/build.sh` puts what it builds, and what it prints last. */
export async function buildKubernetes(root: string): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', [join(root, 'tools/kubernetes/build.sh')], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const directory = stdout.trim().split('\n').at(-1) ?? '';
  if (!existsSync(join(directory, 'kube-apiserver'))) throw new Error(`nothing was built: ${stdout}`);
  return directory;
}

export interface ClusterOptions {
  /** Holds `kube-apiserver`. */
  readonly programs: string;
  readonly tokens?: ClusterTokens;
  readonly flags?: readonly string[];
}

export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'opensandbox-cluster-'));
  const [client = 0, peer = 0, port = 0] = await freePorts(3);
  const etcd = startDaemon('etcd', etcdFlags(directory, client, peer), join(directory, 'etcd.log'));
  const certificates = await makeCertificates(directory);
  const ca = await readFile(certificates.authority);
  let settings = { flags: options.flags ?? [], tokens: options.tokens ?? {} };
  let apiServer: Daemon | undefined;

  const api = (method: string, path: string, body?: unknown, wish: ApiOptions = {}): Promise<ApiAnswer> =>
    ask({ port, ca, method, path, body, ...wish });

  async function start(change: Partial<typeof settings> = {}): Promise<void> {
    settings = { ...settings, ...change };
    const tokens = await writeTokens(directory, settings.tokens);
    const flags = apiServerFlags({ directory, port, client, certificates, tokens });
    const program = join(options.programs, 'kube-apiserver');
    apiServer = startDaemon(program, [...flags, ...settings.flags], join(directory, 'apiserver.log'));
    await apiServer.answers(async () => {
      const answer = await api('GET', '/readyz', undefined, { mayFail: true }).catch(() => undefined);
      return answer?.status === 200;
    });
  }

  async function dispose(): Promise<void> {
    await apiServer?.end('SIGKILL');
    await etcd.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }

  try {
    await etcd.answers(() => isHealthy(client));
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    directory,
    port,
    server: `https://127.0.0.1:${port}`,
    authority: certificates.authority,
    api,
    start,
    kill: async () => apiServer?.end('SIGKILL'),
    compact: () => compactHistory(client),
    async kubeconfig(name, wish) {
      const path = join(directory, `${name}.kubeconfig`);
      await writeFile(path, formatKubeconfig({ port, authority: certificates.authority, ...wish }));
      return path;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok;
  } catch {
    return false;
  }
}

/** etcd's own HTTP gateway: bytes are base64, numbers are texts. */
async function compactHistory(port: number): Promise<void> {
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/v3/kv/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  const read = (await post('range', { key: 'AA==', limit: 1 })) as { header: { revision: string } };
  await post('compaction', { revision: read.header.revision, physical: true });
}

function etcdFlags(directory: string, client: number, peer: number): readonly string[] {
  const clients = `http://127.0.0.1:${client}`;
  const peers = `http://127.0.0.1:${peer}`;
  return [
    ...[
      '--data-dir',
      join(directory, 'etcd'),
      '--listen-client-urls',
      clients,
      '--advertise-client-urls',
      clients,
    ],
    ...[
      '--listen-peer-urls',
      peers,
      '--initial-advertise-peer-urls',
      peers,
      '--initial-cluster',
      `default=${peers}`,
    ],
  ];
}

interface ApiServerPlan {
  readonly directory: string;
  readonly port: number;
  readonly client: number;
  readonly certificates: Certificates;
  readonly tokens: string;
}

function apiServerFlags(plan: ApiServerPlan): readonly string[] {
  const { certificates } = plan;
  return [
    `--etcd-servers=http://127.0.0.1:${plan.client}`,
    ...['--bind-address=127.0.0.1', `--secure-port=${plan.port}`, '--service-cluster-ip-range=10.96.0.0/16'],
    `--cert-dir=${plan.directory}`,
    `--tls-cert-file=${certificates.certificate}`,
    `--tls-private-key-file=${certificates.key}`,
    `--service-account-key-file=${certificates.accountKey}`,
    `--service-account-signing-key-file=${certificates.accountKey}`,
    '--service-account-issuer=https://localhost',
    ...[`--token-auth-file=${plan.tokens}`, '--authorization-mode=RBAC'],
    '--disable-admission-plugins=ServiceAccount',
  ];
}

async function writeTokens(directory: string, tokens: ClusterTokens): Promise<string> {
  const path = join(directory, 'tokens.csv');
  const others = Object.entries(tokens).map(([user, token]) => `${token},${user},${user}`);
  await writeFile(path, [`${ADMIN_TOKEN},admin,admin,system:masters`, ...others, ''].join('\n'));
  return path;
}

function formatKubeconfig(wish: KubeconfigWish & { readonly authority: string }): string {
  const user =
    wish.tokenFile === undefined ? { token: wish.token ?? ADMIN_TOKEN } : { tokenFile: wish.tokenFile };
  const cluster = { server: `https://127.0.0.1:${wish.port ?? 0}`, 'certificate-authority': wish.authority };
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster }],
    users: [{ name: 'user', user }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user' } }],
    'current-context': 'context',
  });
}

interface Asking extends ApiOptions {
  readonly port: number;
  readonly ca: Buffer;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

function ask({ port, ca, method, path, body, mayFail, contentType }: Asking): Promise<ApiAnswer> {
  const headers = {
    Authorization: `Bearer ${ADMIN_TOKEN}`,
    'Content-Type': contentType ?? 'application/json',
  };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, ca, method, path, headers, agent: false, timeout: 30_000 };
    const asking = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.once('error', reject);
      answer.once('end', () => {
        const status = answer.statusCode ?? 0;
        if (status >= 400 && mayFail !== true) reject(new Error(`${method} ${path}: ${status} ${text}`));
        else resolve({ status, body: isJson(text) ? (JSON.parse(text) as unknown) : text });
      });
    });
    asking.once('timeout', () => asking.destroy(new Error(`${method} ${path}: no answer`)));
    asking.once('error', reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function isJson(text: string): boolean {
  return text.startsWith('{');
}
