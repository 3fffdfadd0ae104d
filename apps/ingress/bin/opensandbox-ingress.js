#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

// A young generation that stays small: it would otherwise grow in the first burst and never shrink.
setFlagsFromString('--semi-space-growth-factor=1');

const built = new URL('../dist/main.js', import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  process.stderr.write(
    'opensandbox-ingress is not built yet. In the root of the repository run:\n  npm ci && npm run build\n',
  );
  process.exitCode = 1;
}
