import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** Everything these pages need comes from this server, and the browser is told to hold them to it. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

// Addresses are relative, so the pages also work behind a gateway that adds a path prefix.
export const SWAGGER_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenSandbox Lifecycle API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

export const SWAGGER_START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  validatorUrl: 'none',
  oauth2RedirectUrl: new URL('docs/oauth2-redirect', window.location.href).href,
  presets: [SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
});
`;

export const REDOC_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OpenSandbox Lifecycle API</title>
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<redoc spec-url="openapi.json" disable-google-font="true"></redoc>
<script src="redoc/redoc.standalone.js"></script>
</body>
</html>
`;

const require = createRequire(import.meta.url);

export async function readAsset(specifier: string): Promise<Buffer> {
  const content = await readFile(require.resolve(specifier));
  if (!specifier.startsWith('redoc/')) return content;
  // The page's only reference to another host: a picture in its footer, which hides itself when it is empty.
  return Buffer.from(content.toString('utf8').replaceAll(/https:\/\/cdn\.redoc\.ly\/[^"']*/g, 'data:,'));
}
