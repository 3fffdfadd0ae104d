import { inspect } from 'node:util';
import { isFault, Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Environment } from './environment.ts';
import { section } from './fields.ts';
import { configPath, load } from './load.ts';

const drivers = {
  docker: section({
    network_mode: z.string().default('host').describe('Network.'),
    pids_limit: z.int().min(1).default(4096).describe('Processes.'),
  }),
};

function loadText(text: string | undefined, env: Environment = {}) {
  return load({ configPath: '/etc/s.toml', env, readFile: () => text, homeDir: '/home/me' }, drivers);
}

function problemsOf(text: string, env: Environment = {}): string[] {
  try {
    loadText(text, env);
    return [];
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
  }
}

const DOCKER = '[runtime]\ntype = "docker"\n';
const KUBERNETES = '[runtime]\ntype = "kubernetes"\n';
const GATEWAY =
  '[ingress]\nmode = "gateway"\ngateway.address = "*.example.com"\ngateway.route.mode = "wildcard"\n';

describe('load', () => {
  it('fills every default when only the runtime is named', () => {
    const { config, notices } = loadText(DOCKER);
    expect(notices).toEqual([]);
    expect(config).toMatchObject({
      apiKey: undefined,
      failureTtlSeconds: 3600,
      server: {
        host: '0.0.0.0',
        port: 8080,
        timeoutKeepAlive: 30,
        limitConcurrency: 1024,
        backlog: 2048,
        threadPoolSize: 200,
        loop: 'auto',
        http: 'auto',
      },
      log: {
        level: 'info',
        format: 'text',
        fileEnabled: false,
        filePath: '/home/me/logs/opensandbox/server.log',
        accessFilePath: '/home/me/logs/opensandbox/access.log',
        fileMaxBytes: 104857600,
        fileBackupCount: 5,
      },
      runtime: { type: 'docker', execdImage: 'builtin', execdReadyTimeoutSeconds: 60 },
      docker: { networkMode: 'host', pidsLimit: 4096 },
      kubernetes: {
        workloadProvider: 'batchsandbox',
        informerEnabled: true,
        informerResyncSeconds: 300,
        informerWatchTimeoutSeconds: 60,
        readQps: 0,
        writeBurst: 0,
        sandboxCreateTimeoutSeconds: 60,
        sandboxCreatePollIntervalSeconds: 1,
        snapshotCreateTimeoutSeconds: 900,
        imagePullPolicy: 'IfNotPresent',
      },
      agentSandbox: { shutdownPolicy: 'Delete', ingressEnabled: true },
      ingress: { mode: 'direct' },
      egress: { mode: 'dns', disableIpv6: true },
      storage: { allowedHostPaths: [], volumeDefaultSize: '1Gi', ossfsMountRoot: '/mnt/ossfs' },
      store: { type: 'sqlite', path: '/home/me/.opensandbox/opensandbox.db' },
      secureRuntime: { type: '' },
      renewIntent: {
        enabled: false,
        minIntervalSeconds: 60,
        redis: { enabled: false, queueKey: 'opensandbox:renew:intent', consumerConcurrency: 8 },
      },
    });
  });

  it('freezes the result all the way down', () => {
    const { config } = loadText(DOCKER);
    expect(Object.isFrozen(config.renewIntent.redis)).toBe(true);
    expect(Object.isFrozen(config.storage.allowedHostPaths)).toBe(true);
  });

  it.each([
    ['[server]\nport = "9000"', 9000],
    ['[server]\nport = 9000.0', 9000],
    ['[server]\nport = " 9_000 "', 9000],
    ['[server]\nport = true', 1],
  ])('reads %j as port %i', (text, port) => {
    expect(loadText(`${DOCKER}${text}`).config.server.port).toBe(port);
  });

  it.each(['"on"', '"YES"', '1', '1.0', '"t"'])('reads %s as true', (value) => {
    expect(loadText(`${DOCKER}[log]\nfile_enabled = ${value}`).config.log.fileEnabled).toBe(true);
  });

  it('coerces the keys of driver sections too', () => {
    expect(loadText(`${DOCKER}[docker]\npids_limit = "77"`).config.docker.pidsLimit).toBe(77);
  });

  it('reads dotted redis keys and their own table alike', () => {
    const dotted = loadText(`${DOCKER}[renew_intent]\nredis.enabled = true\nredis.dsn = "redis://x"`);
    const table = loadText(`${DOCKER}[renew_intent.redis]\nenabled = true\ndsn = "redis://x"`);
    expect(dotted.config.renewIntent).toEqual(table.config.renewIntent);
    expect(dotted.config.renewIntent.redis.dsn?.reveal()).toBe('redis://x');
  });

  it.each([
    ['[server]\nhost = 1', 'server.host: must be text, not empty'],
    ['[server]\nhost = ""', 'server.host: must be text, not empty'],
    ['[server]\nport = 0', 'server.port: must be a whole number from 1 to 65535'],
    ['[server]\nport = 65536', 'server.port: must be a whole number from 1 to 65535'],
    ['[server]\nport = "1e3"', 'server.port: must be a whole number from 1 to 65535'],
    ['[server]\nport = 80.5', 'server.port: must be a whole number from 1 to 65535'],
    [
      '[server]\nmax_sandbox_timeout_seconds = 59',
      'server.max_sandbox_timeout_seconds: must be a whole number, 60 or more',
    ],
    ['[server]\nlimit_concurrency = -1', 'server.limit_concurrency: must be a whole number, 0 or more'],
    ['[server]\nloop = "uv"', 'server.loop: must be one of "auto", "uvloop", "asyncio"'],
    [
      '[server]\npublic_url = "example.com"',
      'server.public_url: must be an http or https URL without user, query or fragment',
    ],
    [
      '[log]\nlevel = "LOUD"',
      'log.level: must be one of TRACE, DEBUG, INFO, WARN, WARNING, ERROR, CRITICAL, FATAL',
    ],
    ['[log]\nfile_enabled = "maybe"', 'log.file_enabled: must be true or false'],
    ['[storage]\nallowed_host_paths = "/x"', 'storage.allowed_host_paths: must be a list'],
    ['[store]\ntype = "redis"', 'store.type: must be one of "sqlite"'],
    ['[egress]\nimage = ""', 'egress.image: must be text, not empty'],
    ['[egress]\nmode = "nft"', 'egress.mode: must be one of "dns", "dns+nft"'],
    ['[docker]\npids_limit = 0', 'docker.pids_limit: must be a whole number, 1 or more'],
    ['server = 3', 'server: must be a table'],
    ['[kubernetes]', "kubernetes: Kubernetes block must be omitted when runtime.type = 'docker'."],
    ['[agent_sandbox]', "agent_sandbox: agent_sandbox block must be omitted when runtime.type = 'docker'."],
    [
      '[secure_runtime]\ntype = "firecracker"\nk8s_runtime_class = "x"',
      "secure_runtime.type: secure_runtime.type 'firecracker' is only compatible with runtime.type='kubernetes'.",
    ],
    [
      '[secure_runtime]\ndocker_runtime = ""',
      'secure_runtime: docker_runtime and k8s_runtime_class must be omitted when secure_runtime.type is empty.',
    ],
    [
      '[secure_runtime]\ntype = "kata"',
      "secure_runtime: At least one of secure_runtime.docker_runtime or secure_runtime.k8s_runtime_class must be specified when secure_runtime.type is 'kata'.",
    ],
    [
      '[renew_intent]\nredis.enabled = true\nredis.dsn = " "',
      'renew_intent.redis.dsn: [renew_intent] redis.dsn must be set when redis.enabled is true.',
    ],
    [
      '[renew_intent]\nenabled = true\nredis.enabled = true\nredis.dsn = "http://x"',
      'renew_intent.redis.dsn: [renew_intent] redis.dsn must be redis://[user:password@]host[:port][/db], the same with rediss:// for TLS, or unix:///path/to/socket[?db=N].',
    ],
    [
      '[ingress.gateway]\naddress = "x"\nroute.mode = "uri"',
      "ingress.gateway: gateway block must be omitted unless ingress.mode = 'gateway'.",
    ],
  ])('refuses %j', (text, message) => {
    const document = text.startsWith('server') ? `${text}\n${DOCKER}` : `${DOCKER}${text}`;
    expect(problemsOf(document)).toEqual([message]);
  });

  it('refuses a gateway with the docker runtime', () => {
    expect(problemsOf(`${DOCKER}${GATEWAY}`)).toEqual([
      "ingress.mode: ingress.mode must be 'direct' when runtime.type = 'docker'.",
    ]);
  });

  it.each([
    [
      '[agent_sandbox]',
      "agent_sandbox: agent_sandbox block requires kubernetes.workload_provider = 'agent-sandbox'.",
    ],
    [
      '[kubernetes]\nworkload_provider = "pods"',
      'kubernetes.workload_provider: must be batchsandbox or agent-sandbox, any case',
    ],
    [
      '[kubernetes]\nsandbox_create_poll_interval_seconds = 0',
      'kubernetes.sandbox_create_poll_interval_seconds: must be a number, more than 0',
    ],
    [
      '[secure_runtime]\ntype = "firecracker"',
      "secure_runtime: secure_runtime.k8s_runtime_class is required when secure_runtime.type is 'firecracker'.",
    ],
    [
      '[ingress]\nmode = "gateway"',
      "ingress.gateway: gateway block must be provided when ingress.mode = 'gateway'.",
    ],
    [
      '[ingress.secure_access]\nactive_key = "a"\nkeys = [{ key_id = "a", key = "Zg" }]',
      "ingress.secure_access: secure_access block requires ingress.mode = 'gateway'.",
    ],
    [
      `${GATEWAY}[ingress.secure_access]\nactive_key = "b"\nkeys = [{ key_id = "a", key = "Zg" }]`,
      "ingress.secure_access.active_key: active_key 'b' not found in secure_access.keys; available keys: ['a']",
    ],
    [
      `${GATEWAY}[ingress.secure_access]\nactive_key = "a"\nkeys = [{ key_id = "a", key = "Zg" }, { key_id = "a", key = "Zg==" }]`,
      "ingress.secure_access.keys: duplicate secure_access key_id 'a'; each key_id must be unique",
    ],
    [
      `${GATEWAY}[ingress.secure_access]\nactive_key = "A"\nkeys = [{ key_id = "a", key = "Z" }]`,
      'ingress.secure_access.keys[0].key: must be standard base64 of at least one byte|ingress.secure_access.active_key: must be one character, 0-9 or a-z',
    ],
  ])('refuses %j with the kubernetes runtime', (text, messages) => {
    expect(problemsOf(`${KUBERNETES}${text}`).sort()).toEqual(messages.split('|').sort());
  });

  it('accepts a whole kubernetes configuration with signed routes', () => {
    const { config } = loadText(
      `${KUBERNETES}[kubernetes]\nworkload_provider = "Agent-Sandbox"\nkubeconfig_path = "~/.kube/config"\n` +
        `execd_init_resources.limits = { cpu = "1" }\n[docker]\n[agent_sandbox]\nshutdown_policy = "Retain"\n${GATEWAY}` +
        '[ingress.secure_access]\nactive_key = "a"\nkeys = [{ key_id = "a", key = "Zg" }]',
    );
    expect(config.kubernetes).toMatchObject({
      workloadProvider: 'agent-sandbox',
      kubeconfigPath: '/home/me/.kube/config',
      execdInitResources: { limits: { cpu: '1' } },
    });
    expect(config.ingress.secureAccess?.keys[0]?.key.reveal()).toBe('Zg');
  });

  it('refuses to ask proxied requests for a key that is not there', () => {
    const text = '[proxy]\nrequire_api_key = true\ndenied_ports = [22]\n';
    expect(problemsOf(`${DOCKER}${text}`)).toEqual([
      'proxy.require_api_key: needs a key to ask for: set server.api_key or OPENSANDBOX_SERVER_API_KEY.',
    ]);
    const env = { OPENSANDBOX_SERVER_API_KEY: 'k' };
    expect(loadText(`${DOCKER}${text}`, env).config.proxy).toEqual({
      requireApiKey: true,
      deniedPorts: [22],
    });
  });

  it('names every problem at once', () => {
    const text = '[server]\nport = 0\nbacklog = 0\n[runtime]\ntype = "podman"\n[kubernetes]\nread_qps = -1';
    expect(problemsOf(text, { PENDING_FAILURE_TTL: 'soon' })).toEqual([
      'server.port: must be a whole number from 1 to 65535',
      'server.backlog: must be a whole number, 1 or more',
      'runtime.type: must be one of "docker", "kubernetes", "fake"',
      'kubernetes.read_qps: must be a number, 0 or more',
      'environment variable PENDING_FAILURE_TTL: must be a whole number of seconds, 0 or more',
    ]);
  });

  it('says how to get a configuration when there is none', () => {
    expect(() => loadText(undefined)).toThrow(
      /The configuration \/etc\/s.toml \(no such file\) has a problem:\n {2}runtime: the table is required.*init-config/,
    );
  });

  it('tells the place of a syntax error without quoting the line', () => {
    const act = () => loadText('[server]\napi_key = "hunter2');
    expect(act).toThrow(/not valid TOML: line 2, column \d+/);
    expect(act).not.toThrow(/hunter2/);
  });

  it('never shows a secret in a problem or in a printed configuration', () => {
    const secret = 'hunter2-hunter2';
    const { config } = loadText(
      `[server]\napi_key = "${secret}"\n${DOCKER}[renew_intent]\nredis.dsn = "${secret}"`,
    );
    expect(`${JSON.stringify(config)}${inspect(config, { depth: 9 })}`).not.toContain(secret);
    const broken = problemsOf(
      `[server]\napi_key = "${secret}"\nport = 0\n${KUBERNETES}${GATEWAY}[ingress.secure_access]\nactive_key = "a"\nkeys = [{ key_id = "a", key = "${secret}!" }]`,
    );
    expect(broken).toHaveLength(2);
    expect(broken.join()).not.toContain(secret);
  });

  it('warns of each unknown key once, with a hint where there is one', () => {
    const { notices } = loadText(
      '[server]\nlog_level = "INFO"\nprot = 1\n[runtime]\ntype = "docker"\negress_image = "x"\n[pause]\na = 1\nb = 2',
    );
    expect(notices.map(({ level, fields }) => [level, fields['name'], fields['note']])).toEqual([
      ['warn', 'server.log_level', 'write log.level instead'],
      ['warn', 'server.prot', 'did you mean port?'],
      ['warn', 'runtime.egress_image', 'write egress.image instead'],
      ['warn', 'pause', 'it has no effect'],
    ]);
  });

  it.each([
    ['[server]\neip = "1.2.3.4:8080"', true],
    ['[server]\neip = "https://x.org"', true],
    ['[server]\neip = "1.2.3.4"', false],
    ['[server]\neip = "[::1]"', false],
    ['[server]\neip = ""', false],
  ])('looks at %j for more than a host', (text, warned) => {
    expect(loadText(`${DOCKER}${text}`).notices.length > 0).toBe(warned);
  });
});

describe('the interval of renewals', () => {
  it.each([
    ['enabled = true\nmin_interval_seconds = 300', ['config.renew_interval_is_long']],
    ['enabled = true\nmin_interval_seconds = 299', []],
    ['min_interval_seconds = 300', []],
  ])('is warned of when it is as long as an extension may be: %j', (text, events) => {
    const { notices } = loadText(`${DOCKER}[renew_intent]\n${text}`);
    expect(notices.map(({ event }) => event)).toEqual(events);
  });
});

describe('API key', () => {
  const WITH_KEY = `[server]\napi_key = "from-file"\n${DOCKER}`;

  it('comes from the environment when it is set there', () => {
    const { config } = loadText(WITH_KEY, { OPENSANDBOX_SERVER_API_KEY: 'from-env' });
    expect(config.apiKey?.reveal()).toBe('from-env');
  });

  it.each(['', '  '])('stays the file’s when the variable is %j, and says so', (value) => {
    const { config, notices } = loadText(WITH_KEY, { OPENSANDBOX_SERVER_API_KEY: value });
    expect(config.apiKey?.reveal()).toBe('from-file');
    expect(notices.map((notice) => notice.event)).toEqual(['config.blank_variable_ignored']);
  });

  it('loses surrounding spaces, and says so', () => {
    const { config, notices } = loadText(`[server]\napi_key = " k "\n${DOCKER}`);
    expect(config.apiKey).toEqual(new Secret('k'));
    expect(config.apiKey?.reveal()).toBe('k');
    expect(notices.map((notice) => notice.event)).toEqual(['config.spaces_removed']);
  });

  it('is off when it is blank', () => {
    expect(loadText(`[server]\napi_key = "  "\n${DOCKER}`).config.apiKey).toBeUndefined();
  });
});

describe('configPath', () => {
  it.each([
    ['/a', '/b', '/a'],
    [undefined, '/b', '/b'],
    [undefined, '', '/home/me/.sandbox.toml'],
    [undefined, undefined, '/home/me/.sandbox.toml'],
    ['~/x.toml', undefined, '/home/me/x.toml'],
  ])('of argument %s and variable %s is %s', (argument, variable, expected) => {
    const env = { SANDBOX_CONFIG_PATH: variable };
    expect(configPath({ configPath: argument, env, homeDir: '/home/me' })).toBe(expected);
  });
});
