#!/usr/bin/env node
import { existsSync } from 'node:fs';

const built = new URL('../dist/main.js', import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  process.stderr.write(
    'opensandbox-server is not built yet. In the root of the repository run:\n  npm ci && npm run build\n',
  );
  process.exitCode = 1;
}
