import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { builtForContainers } from './built-agent.ts';
import { eventually } from './event-lines.ts';

const run = promisify(execFile);
const LABEL = 'opensandbox-test=execd';

export const IMAGES = ['opensandbox-demo:latest', 'opensandbox-test/busybox:latest'] as const;

/** A container started as a sandbox is: by the bootstrap script, with the built layout mounted read-only. */
export interface SandboxContainer extends AsyncDisposable {
  readonly id: string;
  /** The agent's URL; waits until it answers. */
  url(): Promise<string>;
  /** Where the agent will answer. */
  address(): Promise<string>;
  exec(...command: string[]): Promise<string>;
  kill(signal: string): Promise<void>;
  /** Waits for the end; the status of the first process. */
  status(): Promise<number>;
  /** Standard output and standard error together. */
  logs(): Promise<string>;
}

export interface ContainerOptions {
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is found at /opt/opensandbox, and how: the built layout, read-only, unless said otherwise. */
  readonly layout?: string;
  /** What starts the sandbox: the bootstrap script, unless said otherwise. */
  readonly entrypoint?: readonly string[];
  /** Further arguments of `docker run`. */
  readonly flags?: readonly string[];
}

export async function startSandbox(options: ContainerOptions): Promise<SandboxContainer> {
  const { image, command = [], env = {}, flags = [] } = options;
  const [entrypoint, ...prefix] = options.entrypoint ?? ['/opt/opensandbox/bootstrap.sh'];
  const layout = options.layout ?? `${builtForContainers()}:/opt/opensandbox:ro`;
  const { stdout } = await docker([
    'run',
    '--detach',
    `--label=${LABEL}`,
    `--volume=${layout}`,
    `--entrypoint=${entrypoint ?? ''}`,
    ...Object.entries(env).map(([name, value]) => `--env=${name}=${value}`),
    ...flags,
    image,
    ...prefix,
    ...command,
  ]);
  const id = stdout.trim();
  const address = async (): Promise<string> => {
    const found = await docker(['inspect', '--format={{.NetworkSettings.IPAddress}}', id]);
    return `http://${found.stdout.trim()}:44772`;
  };
  return {
    id,
    address,
    async url() {
      const url = await address();
      return eventually(async () => {
        return fetch(`${url}/ping`).then(
          (response) => (response.ok ? url : undefined),
          () => undefined,
        );
      });
    },
    exec: async (...words) => (await docker(['exec', id, ...words])).stdout,
    async kill(signal) {
      await docker(['kill', `--signal=${signal}`, id]);
    },
    status: async () => Number((await docker(['wait', id])).stdout),
    logs: async () => {
      const { stdout: out, stderr } = await docker(['logs', id]);
      return out + stderr;
    },
    async [Symbol.asyncDispose]() {
      await docker(['rm', '--force', '--volumes', id]);
    },
  };
}

export function docker(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return run('docker', args, { maxBuffer: 64 * 1024 * 1024 });
}

/** Why container tests cannot run here; undefined when they can. */
export async function whyNoContainers(): Promise<string | undefined> {
  for (const image of IMAGES) {
    const found = await docker(['image', 'inspect', image]).catch(() => undefined);
    if (found === undefined) return `no engine, or no image ${image}`;
  }
  return undefined;
}
