import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { closeWithConnection } from './waiting-response.ts';

/** A response as Node makes one; it waits until it is given the socket. */
function respond(socket: Socket, closed: () => void): ServerResponse {
  const request = new IncomingMessage(socket);
  const response = new ServerResponse(request);
  response.once('close', closed);
  closeWithConnection(request, response);
  return response;
}

describe('closeWithConnection', () => {
  it('closes what still waits for its turn when the connection ends', () => {
    const socket = new Socket();
    const closed: string[] = [];
    const responses = ['second', 'third'].map((name) => respond(socket, () => closed.push(name)));
    socket.emit('close');
    expect(closed).toEqual(['second', 'third']);
    expect(responses.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it('leaves a response alone whose turn has come: Node tells that one', () => {
    const socket = new Socket();
    let closed = 0;
    const response = respond(socket, () => (closed += 1));
    response.assignSocket(socket);
    socket.emit('close');
    expect(closed).toBe(1);
  });

  it('listens once to a connection, however many responses wait on it', () => {
    const socket = new Socket();
    for (let count = 0; count < 20; count += 1) respond(socket, () => undefined);
    expect(socket.listenerCount('close')).toBeLessThanOrEqual(1);
  });
});
