/** Programs that listen on a sandbox's loopback: an echo over WebSocket, and what a Jupyter server answers. */
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { openKernels } from './kernels.ts';

const ECHO_PORT = 9009;
const JUPYTER_PORT = 44771;

const echo = createServer((request, answer) => answer.end(`${request.method ?? ''} ${request.url ?? ''}`));
new WebSocketServer({ server: echo }).on('connection', (socket, request) => {
  socket.send(request.url ?? '');
  socket.on('message', (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
});
/** Opens another Jupyter server, so many milliseconds later: `/PORT?after=MS`. */
const late = createServer((request, answer) => {
  const asked = new URL(request.url ?? '', 'http://x');
  setTimeout(() => openKernels(Number(asked.pathname.slice(1))), Number(asked.searchParams.get('after')));
  answer.end();
});
openKernels(JUPYTER_PORT);
late.listen(9010, '127.0.0.1');
echo.listen(ECHO_PORT, '127.0.0.1', () => console.log('listening'));
