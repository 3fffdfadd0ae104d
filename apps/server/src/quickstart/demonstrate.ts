import type { Sandbox as SandboxClient } from '@alibaba-group/opensandbox';
import { Fault, abortable } from '@opensandbox/base';
import type { Story } from './story.ts';

const PROGRAM = `import platform, sys
print("Python", sys.version.split()[0], "on", platform.machine(), "says 6 * 7 =", 6 * 7)`;
const FILE = '/tmp/hello.txt';
const TEXT = 'written through the SDK';
const TIMEOUT_SECONDS = 1800;
const READY_SECONDS = 300;

export interface Demonstration {
  /** `host:port` of the server. */
  readonly domain: string;
  readonly apiKey: string;
  readonly image: string;
}

/** What a first program does, with the public client. Resolves with the id of the sandbox, which runs on. */
export async function demonstrate(demo: Demonstration, story: Story, signal: AbortSignal): Promise<string> {
  const { domain, apiKey, image } = demo;
  // Loaded here: a server that serves has no use for a client.
  const { ConnectionConfig, Sandbox } = await import('@alibaba-group/opensandbox');
  const connectionConfig = new ConnectionConfig({ domain, apiKey, requestTimeoutSeconds: READY_SECONDS });
  const created = Sandbox.create({
    connectionConfig,
    image,
    timeoutSeconds: TIMEOUT_SECONDS,
    readyTimeoutSeconds: READY_SECONDS,
    healthCheckPollingInterval: 20,
    metadata: { demo: 'quickstart' },
  });
  const sandbox = await story.step(
    `create a sandbox from ${image}`,
    () => abortable(created, signal),
    ({ id }) => id,
  );
  try {
    await story.step(
      'run Python in it',
      () => abortable(runPython(sandbox), signal),
      (line) => line,
    );
    await story.step(
      'write a file and read it',
      () => abortable(roundTrip(sandbox), signal),
      (text) => `"${text}"`,
    );
  } finally {
    await sandbox.close();
  }
  return sandbox.id;
}

async function runPython(sandbox: SandboxClient): Promise<string> {
  const execution = await sandbox.commands.run(`python3 -c '${PROGRAM}'`);
  const text = execution.logs.stdout
    .map((message) => message.text)
    .join('')
    .trim();
  if (execution.error === undefined && text.includes('42')) return text;
  const problem = execution.logs.stderr
    .map((message) => message.text)
    .join('')
    .trim();
  throw new Fault('internal', 'quickstart.failed', `Python did not run in the sandbox: ${problem || text}`);
}

async function roundTrip(sandbox: SandboxClient): Promise<string> {
  await sandbox.files.writeFiles([{ path: FILE, data: TEXT, mode: 644 }]);
  const text = await sandbox.files.readFile(FILE);
  if (text === TEXT) return text;
  throw new Fault('internal', 'quickstart.failed', `The file in the sandbox reads ${JSON.stringify(text)}.`);
}
