import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

/** An nginx with one worker on one processor. */
export interface Nginx extends AsyncDisposable {
  readonly port: number;
}

export interface NginxOptions {
  readonly home: string;
  readonly name: string;
  readonly processor: number;
  readonly port: number;
  /** What stands inside `location /`, and beside its server. */
  readonly location: string;
  readonly beside?: string;
}

export async function openNginx(options: NginxOptions): Promise<Nginx> {
  const { home, name, processor, port, location, beside = '' } = options;
  const file = join(home, `${name}.conf`);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    file,
    [
      `daemon off; user root; worker_processes 1; pid ${home}/${name}.pid; error_log /dev/null;`,
      'events { worker_connections 8192; }',
      'http { access_log off; keepalive_requests 1000000000; client_max_body_size 0; sendfile on;',
      ...temporary.map((what) => `${what}_temp_path ${home}/${name}-${what};`),
      `${beside} server { listen 127.0.0.1:${port}; location / { ${location} } } }`,
    ].join('\n'),
  );
  const args = ['-c', String(processor), 'nginx', '-c', file, '-p', home];
  const child: ChildProcess = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`nginx ${name} did not start`);
    const isThere = await fetch(`http://127.0.0.1:${port}/`, { method: 'HEAD' }).then(
      () => true,
      () => false,
    );
    if (isThere) break;
    await pause(50);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** A proxy in front of one service, as one would set it up by hand: kept connections, nothing buffered. */
export function openNginxProxy(
  home: string,
  name: string,
  { port, service }: { readonly port: number; readonly service: number },
): Promise<Nginx> {
  return openNginx({
    home,
    name,
    processor: 1,
    port,
    beside: `upstream service { server 127.0.0.1:${service}; keepalive 256; keepalive_requests 1000000000; }`,
    location: [
      'proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";',
      'proxy_buffering off; proxy_request_buffering off;',
    ].join(' '),
  });
}

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
}

/** `wrk` on the other processor. */
export function load(url: string, connections: number, seconds: number): Load {
  const args = ['-c', '0', 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url];
  const text = execFileSync('taskset', args, { encoding: 'utf8' });
  // Answers that took wrk's two seconds are the machine's: a busy one has them.
  const odd = /Non-2xx[^\n]*|Socket errors: connect (?!0, read 0, write 0)[^\n]*/.exec(text)?.[0];
  if (odd !== undefined) throw new Error(`${url}: ${odd}`);
  const [, amount = '', unit = ''] = /\b50%\s+([\d.]+)(us|ms|s)\b/.exec(text) ?? [];
  const factor = unit === 'us' ? 0.001 : unit === 'ms' ? 1 : 1000;
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  return { perSecond, p50Ms: Number(amount) * factor };
}

/** Seconds that one transfer takes, by curl on the other processor. */
export async function transferSeconds(url: string, upload?: string): Promise<number> {
  const what = upload === undefined ? [] : ['-T', upload, '-H', 'Expect:'];
  const args = ['-c', '0', 'curl', '-sS', '--fail', ...what, '-o', '/dev/null', '-w', '%{time_total}', url];
  const { stdout } = await promisify(execFile)('taskset', args);
  return Number(stdout);
}
