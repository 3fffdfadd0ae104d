import { z } from 'zod';
import { laxBoolean, laxInteger } from './lax-scalars.ts';

/** What the driver is told by the `[docker]` section. */
export interface DockerConfig {
  /** `host`, `bridge`, or the name of a user-defined network, in the case it was written. */
  readonly networkMode: string;
  /** Longest time of one engine call. Pulls have a stall limit of the same length instead. */
  readonly apiTimeoutMs: number;
  /** Address of the engine's host as seen from a server that itself runs in a container. */
  readonly hostIp: string | undefined;
  /** When an image is asked of its registry. */
  readonly imagePullPolicy: 'if-not-present' | 'always' | 'never';
  readonly dropCapabilities: readonly string[];
  readonly apparmorProfile: string | undefined;
  /** `unconfined`, a JSON document, or the path of a file that holds one. */
  readonly seccompProfile: string | undefined;
  readonly noNewPrivileges: boolean;
  readonly pidsLimit: number;
  /** Whether sandboxes get the rights that isolated sessions need. */
  readonly isolation: boolean;
  /** Overrides the address that sandbox ports are published on. */
  readonly publishAddress: string | undefined;
  /** Name of this server among several on one engine; it then sees only its own sandboxes. */
  readonly instance: string | undefined;
}

const DEFAULT_DROP = [
  'AUDIT_WRITE',
  'MKNOD',
  'NET_ADMIN',
  'NET_RAW',
  'SYS_ADMIN',
  'SYS_MODULE',
  'SYS_PTRACE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
];
const DEFAULT_TIMEOUT_SECONDS = 180;

const networkMode = z
  .string()
  .trim()
  .min(1, 'network_mode must not be empty')
  .refine(
    (mode) => mode.toLowerCase() !== 'none',
    "network_mode 'none' leaves no way to reach a sandbox: use 'bridge', 'host' or a network's name",
  )
  .refine(
    (mode) => !mode.toLowerCase().startsWith('container:'),
    "network_mode 'container:…' cannot publish sandbox ports: use 'bridge', 'host' or a network's name",
  );

/** The `[docker]` section as it is written. Every key is optional. */
export const dockerSection = z.object({
  network_mode: networkMode
    .default('host')
    .describe("Container network: 'host', 'bridge' or the name of an existing user-defined network."),
  api_timeout: laxInteger(z.number().int().min(1))
    .default(DEFAULT_TIMEOUT_SECONDS)
    .describe('Longest time of one engine call, and longest silence of an image pull, in seconds.'),
  host_ip: z
    .string()
    .optional()
    .describe(
      "Address of the engine's host, for a server that runs in a container itself, and for an engine on another " +
        'host whose sandboxes are reached at another address than the engine.',
    ),
  image_pull_policy: z
    .enum(['if-not-present', 'always', 'never'])
    .default('if-not-present')
    .describe(
      "When an image is asked of its registry. 'always' also checks the credentials for an image that the engine " +
        "has already, and gets what its tag means now; 'never' runs only what is on the engine.",
    ),
  drop_capabilities: z
    .array(z.string())
    .default(DEFAULT_DROP)
    .describe('Linux capabilities taken from every sandbox.'),
  apparmor_profile: z
    .string()
    .optional()
    .describe("Name of a loaded AppArmor profile. Empty: the engine's own default."),
  seccomp_profile: z
    .string()
    .optional()
    .describe("'unconfined' or the path of a seccomp JSON file on the server. Empty: the engine's default."),
  no_new_privileges: laxBoolean()
    .default(true)
    .describe('Forbid gaining privileges through setuid programs.'),
  pids_limit: laxInteger(z.number().int().min(1))
    .default(4096)
    .describe('Most processes and threads of one sandbox.'),
  isolation: laxBoolean()
    .default(false)
    .describe(
      'Give sandboxes what isolated sessions need: SYS_ADMIN, and mounts not forbidden by AppArmor. ' +
        'Root in a sandbox can then change the agent that all sandboxes of the engine share, and take over ' +
        'its host: only for code that is trusted that far.',
    ),
  publish_address: z
    .string()
    .optional()
    .describe('Host address that sandbox ports are published on. Default: follows server.host.'),
  instance: z
    .string()
    .regex(
      /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
      'instance must be a label value of 1 to 63 characters',
    )
    .optional()
    .describe('Name of this server when several share one engine; each then sees only its own sandboxes.'),
});

function present(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

/** Parses the section into what the driver takes. Defaults included: `dockerConfig.parse({})` is valid. */
export const dockerConfig = dockerSection.transform((section): DockerConfig => ({
  networkMode: readNetworkMode(section.network_mode),
  apiTimeoutMs: section.api_timeout * 1000,
  hostIp: present(section.host_ip),
  imagePullPolicy: section.image_pull_policy,
  dropCapabilities: section.drop_capabilities,
  apparmorProfile: present(section.apparmor_profile),
  seccompProfile: present(section.seccomp_profile),
  noNewPrivileges: section.no_new_privileges,
  pidsLimit: section.pids_limit,
  isolation: section.isolation,
  publishAddress: present(section.publish_address),
  instance: present(section.instance),
}));

/** The engine's own words are recognised in any case; a network's name keeps the case it has. */
function readNetworkMode(mode: string): string {
  const lower = mode.toLowerCase();
  return lower === 'host' || lower === 'bridge' ? lower : mode;
}
