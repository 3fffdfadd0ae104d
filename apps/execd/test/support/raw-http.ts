import { connect } from 'node:net';

/** Sends bytes as they are and returns what comes back until the connection is quiet or closed. */
export function rawHttp(port: number, request: string, until: (answer: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => void socket.write(request));
    let answer = '';
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1');
      if (!until(answer)) return;
      socket.destroy();
      resolve(answer);
    });
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });
}
