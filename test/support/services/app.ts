/**
 * A small web application; it runs inside sandboxes and is opened in a browser. Usage: app.mjs PORT HOST
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { PAGE, STYLE } from './app-page.ts';
import { pattern } from './pattern.ts';
import { REPORT_BYTES } from './report.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const ROUTES: Readonly<Record<string, Answer>> = {
  '/state': (response) => response.end(JSON.stringify({ pid: process.pid })),
  '/'(response) {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.setHeader('Set-Cookie', ['flavour=oat; HttpOnly', 'size=large']);
    response.end(PAGE);
  },
  '/static/style.css'(response) {
    response.setHeader('Content-Type', 'text/css');
    response.end(STYLE);
  },
  '/pages/second'(response, request) {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    const query = new URL(request.url ?? '', 'http://app').searchParams;
    response.end(
      `<title>Second</title><p id="from">${query.get('from')}</p><a id="back" href="../">Back</a>`,
    );
  },
  async '/api/reverse'(response, request) {
    const { word } = JSON.parse((await bodyOf(request)).toString()) as { word: string };
    const answer = { word: Buffer.from(word).reverse().toString(), cookie: request.headers.cookie ?? 'none' };
    response.end(JSON.stringify(answer));
  },
  '/events'(response) {
    response.setHeader('Content-Type', 'text/event-stream');
    const left = ['one', 'two', 'three', 'end'];
    const timer = setInterval(() => {
      response.write(`data: ${left.shift()}\n\n`);
      if (left.length === 0) clearInterval(timer);
    }, 50);
    response.once('close', () => clearInterval(timer));
  },
  '/report.bin'(response) {
    response.setHeader('Content-Disposition', 'attachment; filename="report.bin"');
    response.setHeader('Content-Length', REPORT_BYTES);
    for (const piece of pattern(0, REPORT_BYTES)) response.write(piece);
    response.end();
  },
  async '/upload'(response, request) {
    const sum = createHash('sha256')
      .update(fileIn(await bodyOf(request)))
      .digest('hex');
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`<title>Uploaded</title><p id="sum">${sum}</p>`);
  },
};

/** The only file of a form, as browsers write them. */
function fileIn(form: Buffer): Buffer {
  const boundary = form.subarray(0, form.indexOf('\r\n'));
  const start = form.indexOf('\r\n\r\n') + 4;
  return form.subarray(start, form.indexOf(Buffer.concat([Buffer.from('\r\n'), boundary]), start));
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

const server = createServer((request, response) => {
  const answer = ROUTES[new URL(request.url ?? '/', 'http://app').pathname];
  response.statusCode = answer === undefined ? 404 : 200;
  if (answer === undefined) response.end('no such page');
  else Promise.resolve(answer(response, request)).catch(() => response.destroy());
});

new WebSocketServer({ server, path: '/socket' }).on('connection', (socket) => {
  socket.on('message', (message: Buffer) => socket.send(`${message.toString()} yourself`));
});

server.listen(Number(process.argv[2]), process.argv[3]);
