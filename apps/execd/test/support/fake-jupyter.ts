import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

/** A request of the agent to run code, and the means to answer it. */
export interface AskedCode {
  readonly id: string;
  readonly code: string;
  /** Sends a message that belongs to this request, or to another when `parent` says so. */
  say(type: string, content: object, parent?: string): void;
  reply(content?: object): void;
  idle(parent?: string): void;
  hangUp(): void;
}

export interface FakeJupyter extends AsyncDisposable {
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** What was asked of it, as `GET /api/kernelspecs`. */
  readonly requests: string[];
  readonly authorizations: ReadonlySet<string | undefined>;
  readonly kernelNames: string[];
  /** How many connections to kernels are open. */
  connections(): number;
  /** Answers a request instead of the fake; undefined leaves it to the fake. */
  answer: (asked: string) => { readonly status: number; readonly body: object } | undefined;
  /** What the kernel does with code. */
  run: (asked: AskedCode) => void;
}

const TOKEN = 'fake-jupyter-token';
const SPECS = {
  python3: { spec: { language: 'python' } },
  python: { spec: { language: 'python' } },
  'another-python': { spec: { language: 'ruby' } },
};

/** A Jupyter server that says what a test wants to hear. Its kernel answers nothing but code. */
export async function startFakeJupyter(port = 0): Promise<FakeJupyter> {
  const sessions = new Map<string, object>();
  const authorizations = new Set<string | undefined>();
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer((request, response) => void serve(request, response));
  const fake: FakeJupyter = {
    port: 0,
    env: {},
    requests: [],
    authorizations,
    kernelNames: [],
    connections: () => sockets.clients.size,
    answer: () => undefined,
    run: (asked) => {
      asked.reply();
      asked.idle();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    let body = '';
    for await (const piece of request) body += String(piece);
    const asked = `${method} ${url}`;
    fake.requests.push(asked);
    authorizations.add(request.headers.authorization);
    const { status, body: said } = fake.answer(asked) ?? usual(method, url, body);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(status === 204 ? undefined : JSON.stringify(said));
  }
  function usual(method: string, url: string, body: string): { status: number; body: object } {
    const id = url.split('/')[3] ?? '';
    if (url === '/api/kernelspecs') return { status: 200, body: { kernelspecs: SPECS } };
    if (method === 'POST' && url === '/api/sessions') {
      const wish = JSON.parse(body) as { readonly path: string; readonly kernel: { readonly name: string } };
      const session = {
        id: randomUUID(),
        path: wish.path,
        kernel: { id: randomUUID(), name: wish.kernel.name },
      };
      fake.kernelNames.push(wish.kernel.name);
      sessions.set(session.id, session);
      return { status: 201, body: session };
    }
    if (url.startsWith('/api/kernels/')) {
      return method === 'POST'
        ? { status: 204, body: {} }
        : { status: 200, body: { execution_state: 'idle' } };
    }
    const session = sessions.get(id);
    if (session === undefined) return { status: 404, body: { message: 'Session not found' } };
    if (method === 'DELETE') sessions.delete(id);
    return { status: method === 'DELETE' ? 204 : 200, body: session };
  }

  server.on('upgrade', (request, socket, head) => {
    authorizations.add(request.headers.authorization);
    fake.requests.push(`WS ${(request.url ?? '').replace(TOKEN, 'TOKEN')}`);
    sockets.handleUpgrade(request, socket, head, (client) => attend(fake, client));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const own = (server.address() as AddressInfo).port;
  return Object.assign(fake, {
    port: own,
    env: { JUPYTER_HOST: `http://127.0.0.1:${own}/`, JUPYTER_TOKEN: TOKEN },
  });
}

interface Frame {
  readonly header: { readonly msg_id: string; readonly msg_type: string };
  readonly content: { readonly code?: string };
}

function attend(fake: FakeJupyter, client: WebSocket): void {
  client.on('message', (data: Buffer) => {
    const { header, content } = JSON.parse(data.toString()) as Frame;
    if (header.msg_type !== 'execute_request') return;
    const send = (type: string, said: object, parent = header.msg_id): void => {
      const message = { header: { msg_id: randomUUID(), msg_type: type }, parent_header: { msg_id: parent } };
      client.send(JSON.stringify({ ...message, metadata: {}, content: said, channel: 'iopub' }));
    };
    fake.run({
      id: header.msg_id,
      code: content.code ?? '',
      say: send,
      reply: (said = { status: 'ok', execution_count: 1 }) => send('execute_reply', said),
      idle: (parent) => send('status', { execution_state: 'idle' }, parent),
      hangUp: () => client.close(),
    });
  });
}
