import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import type { Connection } from './connection.ts';

/**
 * An agent whose connections run through the `ssh` program, as the Docker CLI does it, so that the user's own
 * ssh configuration, keys and known hosts apply. Connections are not kept: each is a process.
 */
export function sshAgent(connection: Connection, program = 'ssh'): Agent {
  const agent = new Agent({ keepAlive: false, maxSockets: 8 });
  const user = connection.username === undefined ? [] : ['-l', connection.username];
  const port = connection.port === undefined ? [] : ['-p', String(connection.port)];
  const command = ['-o', 'BatchMode=yes', ...user, ...port, '--', connection.host ?? ''];
  agent.createConnection = () => {
    const child = spawn(program, [...command, 'docker', 'system', 'dial-stdio'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
    // The client listens only while a request is under way; what breaks afterwards concerns nobody.
    duplex.on('error', () => undefined);
    child.once('error', (error) => duplex.destroy(error));
    child.stdin.on('error', (error) => duplex.destroy(error));
    duplex.once('close', () => child.kill());
    return duplex;
  };
  return agent;
}
