import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { endToEndHeaders } from '@opensandbox/http';
import type { FramedHead } from './answer-head.ts';
import { AnswerReader, type AnswerSink } from './answer-reader.ts';

const NO_NAMES: ReadonlySet<string> = new Set();

/**
 * Hands the answer of a service on to a client whose connection has left HTTP, as it is; the connection ends with it.
 * Resolves when everything was written; rejects when the answer broke off, and nothing may follow then.
 */
export function relayAnswer(service: Socket, begin: Buffer, client: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new AnswerReader();
    const sink: AnswerSink = {
      interim: () => undefined,
      head: (head) => void client.write(headText(head), 'latin1'),
      body(bytes) {
        if (!client.write(bytes)) service.pause();
      },
      end() {
        service.destroy();
        resolve();
      },
    };
    const take = (bytes: Buffer): void => {
      try {
        reader.push(bytes);
      } catch (error) {
        fail(error as Error);
      }
    };
    const fail = (error: Error): void => {
      service.destroy();
      reject(error);
    };
    reader.begin('GET', sink);
    client.on('drain', () => service.resume());
    service.on('data', take);
    service.on('end', () => {
      if (!reader.finish()) fail(new Error('the answer broke off'));
    });
    service.on('error', fail);
    client.on('close', () => fail(new Error('the client left')));
    take(begin);
    service.resume();
  });
}

function headText({ status, rawHeaders, bodyEnd }: FramedHead): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  const headers = endToEndHeaders(rawHeaders, NO_NAMES);
  for (let at = 0; at + 1 < headers.length; at += 2)
    text += `${headers[at] ?? ''}: ${headers[at + 1] ?? ''}\r\n`;
  const needsLength =
    bodyEnd === 'none' && !headers.some((name, at) => at % 2 === 0 && /^content-length$/i.test(name));
  return `${text}${needsLength && status !== 204 && status !== 304 ? 'Content-Length: 0\r\n' : ''}Connection: close\r\n\r\n`;
}
