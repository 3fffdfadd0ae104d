/** The label keys and names that this driver writes and reads. */
export const LABEL = {
  id: 'opensandbox.io/id',
  expiresAt: 'opensandbox.io/expires-at',
  manualCleanup: 'opensandbox.io/manual-cleanup',
  platformOs: 'opensandbox.io/platform-os',
  platformArch: 'opensandbox.io/platform-arch',
  snapshotId: 'opensandbox.io/snapshot-id',
  accessRenewSeconds: 'opensandbox.io/access-renew-extend-seconds',
  agentPort: 'opensandbox.io/embedding-proxy-port',
  httpPort: 'opensandbox.io/http-port',
  egressAuthToken: 'opensandbox.io/egress-auth-token',
  ossfsMounts: 'opensandbox.io/ossfs-mounts',
  volumeManagedBy: 'opensandbox.io/volume-managed-by',
  sidecarFor: 'opensandbox.io/egress-sidecar-for',
  /** Name of the server that made the container, when several share the engine. */
  instance: 'opensandbox.io/instance',
  /** The image reference as it was requested. */
  image: 'opensandbox.io/image',
  /** On objects made for one sandbox that are not the sandbox: its id. */
  owner: 'opensandbox.io/owned-by',
  /** On a volume: the sandbox whose request made it. */
  madeFor: 'opensandbox.io/made-for',
  /** Paths of the host that a sandbox has mounted: a JSON array of `path:mountPath`. */
  hostPaths: 'opensandbox.io/host-paths',
  /** On objects that belong to no sandbox: what they are for. */
  auxiliary: 'opensandbox.io/auxiliary',
  /** On a carrier: name of the server that fills a volume through it, and the one run of that server. */
  carrierInstance: 'opensandbox.io/carrier-instance',
  carrierOwner: 'opensandbox.io/carrier-owner',
} as const;

/** Label prefixes that never count as a user's metadata. */
export const SYSTEM_PREFIXES = [
  'opensandbox.io/',
  'org.opencontainers.image.',
  'com.docker.',
  'desktop.docker.',
] as const;

/** Where the agent is mounted in every sandbox. */
export const AGENT_DIR = '/opt/opensandbox';
export const BOOTSTRAP = `${AGENT_DIR}/bootstrap.sh`;
const LIBRARIES = `${AGENT_DIR}/lib`;
/** A shell that comes with the built-in agent, for images that have none. */
export const OWN_SHELL = `${LIBRARIES}/sh`;
/** How it is started: nothing that it needs is in the image. */
export const OWN_SHELL_COMMAND = [`${LIBRARIES}/ld.so`, '--library-path', LIBRARIES, OWN_SHELL] as const;
export const AGENT_PORT = 44772;
export const HTTP_PORT = 8080;

export function containerName(id: string): string {
  return `sandbox-${id}`;
}
