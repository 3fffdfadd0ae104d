import { readEvents } from './event-lines.ts';
import type { Streamed } from './event-lines.ts';
import { startSandbox } from './sandbox-container.ts';
import type { SandboxContainer } from './sandbox-container.ts';

/** What `docker.isolation` gives a container, and no more. */
const RIGHTS = [
  '--cap-add=SYS_ADMIN',
  '--cap-drop=MKNOD',
  '--cap-drop=NET_RAW',
  '--cap-drop=AUDIT_WRITE',
  '--security-opt=no-new-privileges',
  '--security-opt=apparmor=unconfined',
];

export function startWithRights(
  image: string,
  env: Readonly<Record<string, string>> = {},
): Promise<SandboxContainer> {
  return startSandbox({ image, command: ['sleep', '3600'], env, flags: RIGHTS });
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Asks an agent's routes of isolated sessions. */
export function isolatedClient(url: string): {
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  create(body: unknown): Promise<string>;
  run(id: string, code: string, more?: Readonly<Record<string, unknown>>): Promise<Streamed>;
} {
  const base = `${url}/v1/isolated`;
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(base + path, { method, ...(body === undefined ? {} : { body: text }) });
    const answer = await response.text();
    let json: Readonly<Record<string, unknown>> = {};
    try {
      json = JSON.parse(answer) as Readonly<Record<string, unknown>>;
    } catch {
      // not every answer is JSON
    }
    return { status: response.status, text: answer, json };
  };
  return {
    call,
    async create(body) {
      const answer = await call('POST', '/session', body);
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
      return String(answer.json['session_id']);
    },
    async run(id, code, more = {}) {
      const answer = await call('POST', `/session/${id}/run`, { code, ...more });
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
      return readEvents(answer.text);
    },
  };
}
