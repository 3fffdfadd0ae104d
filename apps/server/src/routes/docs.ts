import type { FastifyReply } from 'fastify';
import { openApiDocument } from '@opensandbox/contract';
import { PAGE_HEADERS, REDOC_PAGE, SWAGGER_PAGE, SWAGGER_START, readAsset } from './docs-assets.ts';
import type { Route } from './route.ts';

interface Page {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly read: () => Promise<Buffer> | Buffer;
}

const SCRIPT = { 'content-type': 'text/javascript; charset=utf-8', 'x-content-type-options': 'nosniff' };
const ASSET_SECONDS = 3600;

/** The API description and two pages that show it. All are served from this process's own files. */
export function docsRoutes(): readonly Route[] {
  return pages().flatMap(({ path, headers, read }) => {
    let content: Promise<Buffer> | undefined;
    const handle = async (_request: unknown, reply: FastifyReply): Promise<void> => {
      content ??= Promise.resolve(read());
      try {
        void reply.headers(headers).send(await content);
      } catch (error) {
        content = undefined;
        throw error;
      }
    };
    return [
      { method: 'GET', path, handle },
      { method: 'HEAD', path, handle },
    ] satisfies Route[];
  });
}

function pages(): readonly Page[] {
  const page = (path: string, html: string): Page => ({
    path,
    headers: PAGE_HEADERS,
    read: () => Buffer.from(html),
  });
  return [
    {
      path: '/openapi.json',
      headers: { 'content-type': 'application/json' },
      read: () => Buffer.from(JSON.stringify(openApiDocument())),
    },
    page('/docs', SWAGGER_PAGE),
    page('/redoc', REDOC_PAGE),
    { path: '/docs/start.js', headers: SCRIPT, read: () => Buffer.from(SWAGGER_START) },
    asset('/docs/swagger-ui.css', 'swagger-ui-dist/swagger-ui.css', { 'content-type': 'text/css' }),
    asset('/docs/swagger-ui-bundle.js', 'swagger-ui-dist/swagger-ui-bundle.js', SCRIPT),
    asset('/docs/favicon-32x32.png', 'swagger-ui-dist/favicon-32x32.png', { 'content-type': 'image/png' }),
    asset('/docs/oauth2-redirect', 'swagger-ui-dist/oauth2-redirect.html', PAGE_HEADERS),
    asset('/docs/oauth2-redirect.js', 'swagger-ui-dist/oauth2-redirect.js', SCRIPT),
    asset('/redoc/redoc.standalone.js', 'redoc/bundles/redoc.standalone.js', SCRIPT),
  ];
}

function asset(path: string, specifier: string, headers: Readonly<Record<string, string>>): Page {
  return {
    path,
    headers: { 'cache-control': `public, max-age=${ASSET_SECONDS}`, ...headers },
    read: () => readAsset(specifier),
  };
}
