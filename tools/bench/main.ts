/**
 * Measures the control plane and the agent against the raw engine in the same run. Prints a table, writes JSON
 * to the file named by `--json FILE`. Usage: npm run bench [-- --only server|runtime|execd|proxy] [-- --json FILE]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchExecd } from './execd.ts';
import { type Figure, table } from './figures.ts';
import { benchProxy } from './proxy.ts';
import { benchRuntime } from './runtime.ts';
import { benchServer } from './server.ts';

const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'string' } } });
const work = mkdtempSync(join(tmpdir(), 'opensandbox-bench-'));
const figures: Figure[] = [];
try {
  const monitor = new URL('./stall-monitor.mjs', import.meta.url).href;
  const isAsked = (part: string): boolean => values.only === undefined || values.only === part;
  if (isAsked('server')) figures.push(...(await benchServer(monitor, join(work, 'stall'))));
  if (isAsked('runtime')) figures.push(...(await benchRuntime()));
  if (isAsked('execd')) figures.push(...(await benchExecd()));
  if (isAsked('proxy')) figures.push(...(await benchProxy()));
} finally {
  rmSync(work, { recursive: true, force: true });
}
const machine = {
  cpus: cpus().length,
  model: /model name\s*:\s*(.+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '',
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  node: process.version,
  date: new Date().toISOString(),
};
console.log(`${machine.cpus} x ${machine.model}, ${machine.memoryGiB} GiB, Node ${machine.node}\n`);
console.log(table(figures));
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ machine, figures }, undefined, 2));
