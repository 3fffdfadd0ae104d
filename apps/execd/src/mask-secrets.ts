const MASK = '****';

/** Shows enough of a secret to recognise it, and nothing of a short one. */
export function maskSecret(text: string): string {
  return text.length <= 8 ? MASK : text.slice(0, 4) + MASK + text.slice(-4);
}

const SECRET_NAME = '(?:TOKEN|SECRET|PASSWORD|PASSWD|API_KEY|ACCESS_KEY|CREDENTIALS?)[A-Za-z0-9_]{0,64}';

/**
 * Each finds, after what introduces a secret (group 1), the secret itself (group 2). All that may repeat before a
 * fixed part is bounded: commands are long, and without a bound the time would grow with the square of their length.
 */
const PATTERNS: readonly RegExp[] = [
  /(\b[a-z][a-z0-9+.-]{0,31}:\/\/[^\s/:@]*:)([^\s/@]+)(?=@)/gi,
  /(authorization\s*[:=]\s*(?:(?:bearer|basic|token)\s+)?)([^\s"']+)/gi,
  /(--?(?:token|password|passwd|secret|api-?key|access-?key)(?:=|\s+)["']?)([^\s"']+)/gi,
  new RegExp(`(${SECRET_NAME}=["']?)([^\\s"']+)`, 'gi'),
  /(\b)((?:LTAI|AKIA|AKID)[A-Za-z0-9]{8,})/g,
];

/** A command line as it may be logged: credentials in it are masked. */
export function maskSecrets(command: string): string {
  let masked = command;
  for (const pattern of PATTERNS) {
    masked = masked.replace(pattern, (_all, before: string, secret: string) => before + maskSecret(secret));
  }
  return masked;
}
