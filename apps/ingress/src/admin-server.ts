import { type Server, createServer } from 'node:http';
import { EXPOSITION_TYPE } from '@opensandbox/telemetry';
import type { SandboxDirectory } from './directory.ts';
import type { GatewayMeter } from './gateway-meter.ts';

export interface AdminDeps {
  readonly directory: Pick<SandboxDirectory, 'health'>;
  readonly meter: Pick<GatewayMeter, 'exposition'>;
  readonly life: { readonly isStopping: boolean };
}

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** For whoever runs the gateway; on a listener of its own, because every path of the other one is a sandbox's. */
export function createAdminServer(deps: AdminDeps): Server {
  return createServer({ requestTimeout: 10_000 }, (request, response) => {
    void answer(deps, (request.url ?? '').split('?', 1)[0] ?? '').then(({ status, type, body }) => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  });
}

async function answer({ directory, meter, life }: AdminDeps, path: string): Promise<AdminAnswer> {
  switch (path) {
    case '/healthz':
      return json(200, { status: 'ok' });
    case '/readyz': {
      const { isFresh, ageMs, sandboxes } = directory.health();
      const isRead = ageMs !== Infinity;
      const status = life.isStopping ? 'stopping' : !isRead ? 'unread' : isFresh ? 'ready' : 'stale';
      // A stale directory still answers; one that was never read knows no sandbox, and another gateway may.
      const isOfUse = isRead && !life.isStopping;
      return json(isOfUse ? 200 : 503, { status, directory: { isFresh, ageMs, sandboxes } });
    }
    case '/metrics':
      return { status: 200, type: EXPOSITION_TYPE, body: await meter.exposition() };
    default:
      return json(404, { status: 'not found', paths: ['/healthz', '/readyz', '/metrics'] });
  }
}

function json(status: number, value: unknown): AdminAnswer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}
