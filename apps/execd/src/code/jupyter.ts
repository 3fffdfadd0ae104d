import { Fault } from '@opensandbox/base';
import type { Clock, Secret } from '@opensandbox/base';
import type { JupyterRequest, JupyterResponse } from './jupyter-http.ts';
import { openKernelChannel } from './kernel-channel.ts';
import type { KernelChannel } from './kernel-channel.ts';

export interface KernelSpec {
  readonly name: string;
  readonly language: string;
}

export interface JupyterSession {
  readonly id: string;
  readonly path: string;
  readonly kernelId: string;
  readonly kernelName: string;
}

export interface SessionWish {
  readonly path: string;
  readonly name: string;
  readonly kernelName: string;
}

/**
 * A Jupyter server. Rejects with `unavailable` while it cannot be reached or is overloaded, with
 * `unauthenticated` when it refuses the token, with `internal` for every other answer that was not hoped for.
 */
export interface Jupyter {
  specs(signal: AbortSignal): Promise<readonly KernelSpec[]>;
  createSession(wish: SessionWish, signal: AbortSignal): Promise<JupyterSession>;
  session(id: string, signal: AbortSignal): Promise<JupyterSession | undefined>;
  /** A session that is gone already counts as deleted. */
  deleteSession(id: string, signal: AbortSignal): Promise<void>;
  /** What the kernel does; undefined when there is no such kernel. */
  kernelState(id: string, signal: AbortSignal): Promise<string | undefined>;
  restartKernel(id: string, signal: AbortSignal): Promise<void>;
  interruptKernel(id: string, signal: AbortSignal): Promise<void>;
  connect(kernelId: string, signal: AbortSignal): Promise<KernelChannel>;
}

export interface JupyterDeps {
  readonly clock: Clock;
  readonly url: string;
  readonly token: Secret;
  readonly request: (request: JupyterRequest, signal: AbortSignal) => Promise<JupyterResponse>;
}

export function createJupyter(deps: JupyterDeps): Jupyter {
  const base = deps.url.replace(/\/+$/, '');
  const headers = { Authorization: `Token ${deps.token.reveal()}` };

  async function ask(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await deps.request({ method, url: base + path, headers, body: text }, signal);
    return { ...response, what: `${method} ${path}` };
  }
  const idPath = (kind: string, id: string): string => `/api/${kind}/${encodeURIComponent(id)}`;

  return {
    async specs(signal) {
      return readSpecs(json(await ask('GET', '/api/kernelspecs', signal)));
    },
    async createSession(wish, signal) {
      const kernel = { name: wish.kernelName };
      const body = { path: wish.path, name: wish.name, type: 'notebook', kernel };
      return readSession(json(await ask('POST', '/api/sessions', signal, body)));
    },
    async session(id, signal) {
      const answer = await ask('GET', idPath('sessions', id), signal);
      return answer.status === 404 ? undefined : readSession(json(answer));
    },
    async deleteSession(id, signal) {
      const answer = await ask('DELETE', idPath('sessions', id), signal);
      if (answer.status !== 404) checkStatus(answer);
    },
    async kernelState(id, signal) {
      const answer = await ask('GET', idPath('kernels', id), signal);
      return answer.status === 404 ? undefined : text(json(answer), 'execution_state');
    },
    async restartKernel(id, signal) {
      checkStatus(await ask('POST', `${idPath('kernels', id)}/restart`, signal));
    },
    async interruptKernel(id, signal) {
      checkStatus(await ask('POST', `${idPath('kernels', id)}/interrupt`, signal));
    },
    connect(kernelId, signal) {
      const token = encodeURIComponent(deps.token.reveal());
      const url = `${base.replace(/^http/, 'ws')}${idPath('kernels', kernelId)}/channels?token=${token}`;
      return openKernelChannel({ clock: deps.clock, url, headers }, signal);
    },
  };
}

interface Answer extends JupyterResponse {
  readonly what: string;
}

const BUSY_STATUS = new Set([429, 502, 503, 504]);
const LONGEST_REASON = 300;

function checkStatus(answer: Answer): void {
  const { status, what } = answer;
  if (status >= 200 && status < 300) return;
  const said = reasonIn(answer.body);
  if (status === 401 || status === 403) {
    throw new Fault('unauthenticated', 'jupyter.refused', 'the Jupyter server refuses the configured token');
  }
  const kind = BUSY_STATUS.has(status) ? 'unavailable' : 'internal';
  throw new Fault(
    kind,
    `jupyter.status_${status}`,
    `the Jupyter server answered ${status} to ${what}${said}`,
  );
}

function reasonIn(body: string): string {
  try {
    const message = text(JSON.parse(body), 'message');
    return message === '' ? '' : `: ${message.slice(0, LONGEST_REASON)}`;
  } catch {
    return ''; // a page for people
  }
}

function json(answer: Answer): unknown {
  checkStatus(answer);
  try {
    return JSON.parse(answer.body) as unknown;
  } catch {
    throw new Fault(
      'internal',
      'jupyter.not_json',
      `the Jupyter server answered ${answer.what} without JSON`,
    );
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === 'string' ? found : '';
}

function readSpecs(body: unknown): KernelSpec[] {
  const specs = field(body, 'kernelspecs') ?? {};
  return Object.entries(specs).map(([name, entry]) => ({
    name,
    language: text(field(entry, 'spec'), 'language').toLowerCase(),
  }));
}

function readSession(body: unknown): JupyterSession {
  const kernel = field(body, 'kernel');
  const session = {
    id: text(body, 'id'),
    path: text(body, 'path'),
    kernelId: text(kernel, 'id'),
    kernelName: text(kernel, 'name'),
  };
  if (session.id === '' || session.kernelId === '') {
    throw new Fault('internal', 'jupyter.no_session', 'the Jupyter server answered without a session');
  }
  return session;
}
