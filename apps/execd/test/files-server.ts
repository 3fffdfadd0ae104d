import { faultResponse } from '../src/error-envelope.ts';
import { filesRoutes } from '../src/files/index.ts';

/** Serves the file routes alone; runs under Bun, started by `startFilesAgent`. */
interface Bun {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly idleTimeout: number;
    readonly maxRequestBodySize: number;
    fetch(request: Request): Response | Promise<Response>;
    error(error: unknown): Response;
  }): { readonly port: number };
}

const { serve } = (globalThis as unknown as { readonly Bun: Bun }).Bun;
const routes = filesRoutes({ env: () => process.env, cwd: process.cwd() });
const server = serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 0,
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,
  fetch: (request) => routes.fetch(request),
  error: faultResponse,
});
console.log(JSON.stringify({ port: server.port, pid: process.pid }));
