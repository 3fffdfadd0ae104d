import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  /** Gets `ca.pem`, `cert.pem` and `key.pem`. */
  readonly directory: string;
  readonly name: string;
  /** `IP:10.0.0.1` or `DNS:engine`. */
  readonly for?: string;
  /** Days from now; in the past when negative. */
  readonly days?: number;
}

/** An authority of the test's own, made with openssl. */
export interface Authority {
  readonly certificate: string;
  issue(wish: Certificate): Promise<void>;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const DAY_MS = 24 * 3_600_000;

export async function makeAuthority(parent: string, name: string): Promise<Authority> {
  const directory = join(parent, name);
  await mkdir(directory, { recursive: true });
  const own = { certificate: join(directory, 'ca.pem'), key: join(directory, 'ca-key.pem') };
  await openssl(
    'req',
    '-x509',
    ...KEY,
    '-subj',
    `/CN=${name}`,
    '-days',
    '2',
    '-keyout',
    own.key,
    '-out',
    own.certificate,
  );
  await writeFile(join(directory, 'index.txt'), '');
  const config = join(directory, 'ca.cnf');
  await writeFile(config, caConfig(directory));
  let serial = 0;
  return {
    certificate: own.certificate,
    async issue(wish) {
      await mkdir(wish.directory, { recursive: true });
      const request = join(wish.directory, 'request.pem');
      serial += 1;
      await writeFile(join(directory, 'serial'), String(serial).padStart(2, '0'));
      await openssl(
        'req',
        ...KEY,
        '-subj',
        `/CN=${wish.name}${serial}`,
        '-keyout',
        join(wish.directory, 'key.pem'),
        '-out',
        request,
      );
      const extensions = join(wish.directory, 'extensions.cnf');
      const alternative = wish.for === undefined ? '' : `subjectAltName=${wish.for}\n`;
      await writeFile(extensions, `${alternative}extendedKeyUsage=serverAuth,clientAuth\n`);
      const end = Date.now() + (wish.days ?? 1) * DAY_MS;
      const start = Math.min(Date.now(), end) - DAY_MS;
      await openssl(
        ...['ca', '-batch', '-notext', '-config', config, '-cert', own.certificate, '-keyfile', own.key],
        ...['-in', request, '-out', join(wish.directory, 'cert.pem'), '-extfile', extensions],
        ...['-startdate', formatDate(start), '-enddate', formatDate(end)],
      );
      await copyFile(own.certificate, join(wish.directory, 'ca.pem'));
    },
  };
}

/** `openssl x509` can only count days from now on; `openssl ca` takes dates, and a file that says where all is. */
function caConfig(directory: string): string {
  return [
    '[ca]\ndefault_ca=own\n[own]',
    `database=${directory}/index.txt\nserial=${directory}/serial\nnew_certs_dir=${directory}`,
    'default_md=sha256\npolicy=any\nunique_subject=no\n[any]\ncommonName=supplied\n',
  ].join('\n');
}

function formatDate(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/[-:T]|\.\d+/g, '');
}

async function openssl(...args: readonly string[]): Promise<void> {
  await run('openssl', [...args]);
}
