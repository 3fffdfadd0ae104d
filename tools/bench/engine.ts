import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const socketPath = (process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');

/** One call to the raw engine over its socket. Rejects on a status of 400 or more. */
export function engineCall(method: string, path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const call = request({ socketPath, agent, method, path: `/v1.41${path}`, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => {
        if ((answer.statusCode ?? 500) >= 400)
          reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
        else resolve(text === '' ? undefined : JSON.parse(text));
      });
    });
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export const IMAGE = process.env['BENCH_IMAGE'] ?? 'opensandbox-test/busybox:latest';
export const COMMAND = ['sleep', '3600'];

/** What a sandbox needs at least: the same image, command and published ports, nothing of ours. */
export async function rawCreate(): Promise<string> {
  const made = (await engineCall('POST', '/containers/create', {
    Image: IMAGE,
    Cmd: COMMAND,
    ExposedPorts: { '44772/tcp': {}, '8080/tcp': {} },
    HostConfig: {
      PortBindings: {
        '44772/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
        '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }],
      },
    },
  })) as { Id: string };
  await engineCall('POST', `/containers/${made.Id}/start`);
  return made.Id;
}

export async function rawRemove(id: string): Promise<void> {
  await engineCall('DELETE', `/containers/${id}?force=1&v=1`);
}
