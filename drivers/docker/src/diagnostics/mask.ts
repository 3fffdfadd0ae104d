/*
 * Nothing secret goes into a diagnostic text: people paste them into tickets. Names decide, and the form of
 * addresses; better one too many.
 */

const MASK = '***';
/** What a name of a variable has in it when its value is secret. The first four are what users know of. */
const SECRET_VARIABLE =
  /SECRET|TOKEN|PASSWORD|KEY|PASSWD|PASSPHRASE|(^|_)PASS$|CREDENTIAL|PRIVATE|DSN|AUTH(?!OR)|COOKIE/;
/** Labels carry names of things, and some are called keys. */
const SECRET_LABEL = /SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|PRIVATE|AUTH(?!OR)|API[-_]?KEY/;
// A scheme begins where a word does and is short: otherwise long text costs quadratic time.
const ADDRESS_CREDENTIALS = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@]{1,4096}@/gi;

/** `NAME=value`, as an engine lists it. */
export function maskVariable(variable: string): string {
  const split = variable.indexOf('=');
  if (split === -1) return variable;
  const name = variable.slice(0, split);
  const isSecret = SECRET_VARIABLE.test(name.toUpperCase());
  return `${name}=${isSecret ? MASK : maskText(variable.slice(split + 1))}`;
}

export function maskLabel(key: string, value: string): string {
  return `${key}=${SECRET_LABEL.test(key.toUpperCase()) ? MASK : maskText(value)}`;
}

/** Text with the credentials of the addresses in it hidden. */
export function maskText(text: string): string {
  return text.replace(ADDRESS_CREDENTIALS, `$1${MASK}@`);
}

/** Text without any of these values. */
export function maskValues(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret !== '')
    .reduce((masked, secret) => masked.replaceAll(secret, MASK), text);
}
