import { Fault } from '@opensandbox/base';

/** What can listen: the HTTP application, without the type of its framework. */
export interface Listener {
  listen(options: { host: string; port: number; backlog: number }): Promise<string>;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
}

/** Binds and listens; rejects with `unavailable` (`server.bind_failed`) and a sentence that says what to do. */
export async function listen(app: Listener, options: ListenOptions): Promise<string> {
  const { host, port } = options;
  try {
    await app.listen({ ...options });
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Fault('unavailable', 'server.bind_failed', bindMessage(`${host}:${port}`, code), {
      cause: error,
    });
  }
}

function bindMessage(where: string, code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is in use. Stop what listens there, or set another server.port.`;
    case 'EACCES':
      return `${where} needs more rights. Set server.port to 1024 or above.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where} is no address of this machine. Set server.host to 127.0.0.1 or 0.0.0.0.`;
    default:
      return `The server cannot listen on ${where} (${code ?? 'unknown reason'}). Set another server.host or server.port.`;
  }
}
