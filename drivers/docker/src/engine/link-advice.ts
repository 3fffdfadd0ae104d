import { isSshFailure } from './ssh-connection.ts';

/*
 * What to do about a link to the engine that does not come about. The sentences may reach a client: they name no
 * host, no file and nobody's own words.
 */

const AUTHORITY =
  "The Docker engine's certificate is not signed by an authority that this server trusts. Put the engine's own " +
  'authority into ca.pem of DOCKER_CERT_PATH, or of the Docker context.';
const REFUSED =
  "The Docker engine does not accept this server's certificate. Put a client certificate signed by the engine's " +
  'authority, and its key, into cert.pem and key.pem of DOCKER_CERT_PATH, or of the Docker context.';
const PLAIN =
  'The Docker engine does not speak TLS at this port. Use its TLS port (usually 2376), or leave out ' +
  'DOCKER_TLS_VERIFY.';

/** By the code that Node gives the error. */
const BY_CODE: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  CERT_SIGNATURE_FAILURE: AUTHORITY,
  CERT_UNTRUSTED: AUTHORITY,
  CERT_HAS_EXPIRED:
    "The Docker engine's certificate has expired. Renew it, and see that both clocks are right.",
  CERT_NOT_YET_VALID: "The Docker engine's certificate is not valid yet. See that both clocks are right.",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "The Docker engine's certificate is for another host than DOCKER_HOST, or the Docker context, names. Use a " +
    'name of the certificate, or make a certificate for this one.',
  // What Node says when the first answer is none of TLS.
  EPROTO: PLAIN,
  ERR_SSL_WRONG_VERSION_NUMBER: PLAIN,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: PLAIN,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: REFUSED,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: REFUSED,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: REFUSED,
  ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: REFUSED,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "This server's certificate for the Docker engine has expired. Renew cert.pem of DOCKER_CERT_PATH, or of the " +
    'Docker context.',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: REFUSED,
};

const NO_COMMAND = 127;
/** What ssh itself ends with; any other code is that of the command on the far side. */
const SSH_ITSELF = 255;

/** `undefined` when the error says nothing more than that there is no link. */
export function adviseOnLink(error: unknown): string | undefined {
  if (isSshFailure(error)) return adviseOnSsh(error.exitCode);
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const isMissingSsh = 'syscall' in error && String(error.syscall).startsWith('spawn');
  if (isMissingSsh)
    return 'The ssh program, which DOCKER_HOST asks for, cannot be run. Install openssh-client.';
  return BY_CODE[String(error.code)];
}

function adviseOnSsh(exitCode: number | undefined): string {
  switch (exitCode) {
    case SSH_ITSELF:
      return (
        "ssh does not reach the Docker engine's host. This server needs a key that opens without a passphrase or " +
        "is held by an agent, and the host's own key in known_hosts: try it with 'ssh -o BatchMode=yes'."
      );
    case NO_COMMAND:
      return "There is no Docker CLI on the Docker engine's host. Install it there: ssh reaches the engine through it.";
    case undefined:
      return 'The ssh program that leads to the Docker engine was ended. It is started again with the next call.';
    default:
      return "The Docker CLI on the Docker engine's host does not reach the engine. Check that it runs and that this user may use it.";
  }
}
