import type { JsonObject } from './components.ts';
import { componentSchemas } from './components.ts';
import type { Operation } from './operation.ts';
import { formatOperation } from './operation.ts';
import {
  DIAGNOSTIC_OPERATIONS,
  POOL_OPERATIONS,
  SERVER_OPERATIONS,
  SNAPSHOT_OPERATIONS,
} from './other-operations.ts';
import { PROXY_OPERATIONS, SANDBOX_OPERATIONS } from './sandbox-operations.ts';

const OPERATIONS: readonly Operation[] = [
  ...SANDBOX_OPERATIONS,
  ...SNAPSHOT_OPERATIONS,
  ...DIAGNOSTIC_OPERATIONS,
  ...POOL_OPERATIONS,
  ...PROXY_OPERATIONS,
  ...SERVER_OPERATIONS,
];

const TAGS: Readonly<Record<string, string>> = {
  Sandboxes: 'Make, read, freeze and delete sandboxes.',
  Snapshots: 'Capture sandboxes and restore them.',
  Diagnostics: 'Find out what a sandbox does.',
  Pools: 'Keep sandboxes ready (Kubernetes).',
  Proxy: 'Reach services inside sandboxes.',
  Metrics: 'What clients report.',
  Server: 'The server itself.',
};

const DESCRIPTION = `Makes isolated sandboxes from container images and looks after them until they end.

A sandbox is Pending while it is made, then Running. It can be paused and resumed, and ends as Terminated or Failed. After its end, and after its timeout, it can no longer be found.

Requests carry the API key in the header \`OPEN-SANDBOX-API-KEY\`. Every answer carries \`X-Request-ID\`. Errors are JSON with \`code\` and \`message\`.`;

/** The whole lifecycle API as an OpenAPI 3.1 document. Costs a few milliseconds: make it once. */
export function openApiDocument(): JsonObject {
  return {
    openapi: '3.1.0',
    info: { title: 'OpenSandbox Lifecycle API', version: '0.1.0', description: DESCRIPTION },
    servers: [
      { url: '/v1', description: 'The paths that clients use.' },
      { url: '/', description: 'The same paths without the version.' },
    ],
    security: [{ apiKeyAuth: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: formatPaths(),
    components: {
      securitySchemes: {
        apiKeyAuth: {
          type: 'apiKey',
          in: 'header',
          name: 'OPEN-SANDBOX-API-KEY',
          description: 'The key that the server is configured with.',
        },
      },
      schemas: componentSchemas(),
    },
  };
}

function formatPaths(): JsonObject {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of OPERATIONS) {
    (paths[operation.path] ??= {})[operation.method] = formatOperation(operation);
  }
  return paths;
}
