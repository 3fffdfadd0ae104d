import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

interface Session {
  readonly id: string;
  readonly path: string;
  readonly kernel: { readonly id: string; readonly name: string };
}

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

const SPECS = Object.fromEntries(
  [
    ['python3', 'python'],
    ['python', 'python'],
    ['bash', 'bash'],
    ['java', 'java'],
  ].map(([name = '', language = '']) => [name, { name, spec: { language, display_name: name, argv: [] } }]),
);

/**
 * Answers as a Jupyter server does. Code is not run: its text says what the kernel tells. `GET /seen` tells what was
 * asked so far, which no Jupyter server does.
 */
export function openKernels(port: number): void {
  const sessions = new Map<string, Session>();
  const seen: Seen[] = [];
  /** How a run that waits is ended, for each kernel. */
  const interrupts = new Map<string, () => void>();

  const answer = (method: string, path: string, body: string): { status: number; body: unknown } => {
    const [, , group = '', id = '', action = ''] = path.split('/');
    if (group === 'kernelspecs') return { status: 200, body: { default: 'python3', kernelspecs: SPECS } };
    if (group === 'kernels' && action === 'interrupt') {
      interrupts.get(id)?.();
      return { status: 204, body: undefined };
    }
    const kernels = [...sessions.values()].map(({ kernel }) => ({ ...kernel, execution_state: 'idle' }));
    if (group === 'kernels') return found(id === '' ? kernels : kernels.find((kernel) => kernel.id === id));
    if (method === 'POST') {
      const wanted = JSON.parse(body) as { path: string; kernel: { name: string } };
      const kernel = { id: randomUUID(), name: wanted.kernel.name };
      const made = { id: randomUUID(), path: wanted.path, kernel };
      sessions.set(made.id, made);
      return { status: 201, body: made };
    }
    if (method === 'DELETE') return sessions.delete(id) ? { status: 204, body: undefined } : found(undefined);
    return found(id === '' ? [...sessions.values()] : sessions.get(id));
  };

  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const path = (request.url ?? '').replace(/\?.*/, '');
      if (path === '/seen') return response.end(JSON.stringify(seen));
      seen.push({ method: request.method ?? '', path, authorization: request.headers.authorization, body });
      const { status, body: text } = answer(request.method ?? '', path, body);
      response.writeHead(status, { 'content-type': 'application/json' });
      return response.end(text === undefined ? undefined : JSON.stringify(text));
    });
  });
  new WebSocketServer({ server }).on('connection', (socket, request) => {
    const kernel = request.url?.split('/')[3] ?? '';
    const { authorization } = request.headers;
    seen.push({ method: 'WS', path: `/api/kernels/${kernel}/channels`, authorization, body: '' });
    socket.on('message', (data: Buffer) => {
      play(socket, JSON.parse(data.toString()) as Request, (stop) => interrupts.set(kernel, stop));
    });
  });
  server.listen(port, '127.0.0.1');
}

function found(body: unknown): { status: number; body: unknown } {
  return body === undefined ? { status: 404, body: { message: 'not found' } } : { status: 200, body };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}

interface Request {
  readonly header: Readonly<Record<string, unknown>>;
  readonly content: { readonly code: string };
}

function play(socket: WebSocket, request: Request, whenInterrupted: (stop: () => void) => void): void {
  const tell = (type: string, content: unknown, parent: object = request.header): void => {
    const channel = type === 'execute_reply' ? 'shell' : 'iopub';
    const header = { msg_id: randomUUID(), msg_type: type, session: 'kernel', username: '', version: '5.3' };
    socket.send(
      JSON.stringify({ header, parent_header: parent, metadata: {}, content, channel, buffers: [] }),
    );
  };
  const idle = { execution_state: 'idle' };
  const error = {
    ename: 'NameError',
    evalue: "name 'x' is not defined",
    traceback: ['line one', 'line two'],
  };
  const end = (reply: object): void => {
    tell('execute_reply', { execution_count: 1, ...reply });
    tell('status', idle);
  };
  tell('status', { execution_state: 'busy' });
  switch (request.content.code) {
    case 'answer':
      tell('status', idle, { ...request.header, msg_id: 'of another client' });
      tell('stream', { name: 'stdout', text: 'two\nlines\n' });
      tell('execute_result', { execution_count: 1, data: { 'text/plain': '4' }, metadata: {} });
      end({ status: 'ok' });
      return;
    case 'plot':
      tell('display_data', { data: { 'image/png': 'iVBO', 'text/plain': '<Figure>' }, metadata: {} });
      end({ status: 'ok' });
      return;
    case 'fail':
      tell('error', error);
      end({ status: 'error', ...error });
      return;
    case 'wait':
      whenInterrupted(() => {
        const interrupted = { ename: 'KeyboardInterrupt', evalue: '', traceback: [] };
        tell('error', interrupted);
        end({ status: 'error', ...interrupted });
      });
      return;
    default:
      end({ status: 'ok' });
  }
}
