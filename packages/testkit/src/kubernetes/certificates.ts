import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority of the cluster's own, its server's certificate, and a key to sign service accounts with. */
export interface Certificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly accountKey: string;
}

export async function makeCertificates(directory: string): Promise<Certificates> {
  const path = (name: string): string => join(directory, name);
  const own = { certificate: path('ca.pem'), key: path('ca-key.pem') };
  const server = {
    certificate: path('server.pem'),
    key: path('server-key.pem'),
    request: path('server.csr'),
  };
  await openssl('openssl', [
    ...['req', '-x509', ...KEY, '-subj', '/CN=cluster-authority', '-days', '2'],
    ...['-keyout', own.key, '-out', own.certificate],
  ]);
  await openssl('openssl', [
    ...['req', ...KEY, '-subj', '/CN=kube-apiserver', '-keyout', server.key, '-out', server.request],
  ]);
  const extensions = path('extensions.cnf');
  await writeFile(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n');
  await openssl('openssl', [
    ...['x509', '-req', '-in', server.request, '-days', '2', '-extfile', extensions],
    ...['-CA', own.certificate, '-CAkey', own.key, '-CAcreateserial', '-out', server.certificate],
  ]);
  const accountKey = path('accounts.pem');
  await openssl('openssl', ['genrsa', '-out', accountKey, '2048']);
  return { authority: own.certificate, certificate: server.certificate, key: server.key, accountKey };
}
