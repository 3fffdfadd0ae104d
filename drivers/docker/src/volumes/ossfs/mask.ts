import type { OssCredentials } from '@opensandbox/core/ports';

const LONGEST = 500;

/**
 * What a program printed, fit for an error: one line, no credentials. `isCut`: more was printed than was read, and the
 * end may hold the beginning of a secret.
 */
export function maskOutput(
  output: { readonly text: string; readonly isCut: boolean },
  { accessKeyId, accessKeySecret }: OssCredentials,
): string {
  const secrets = [accessKeySecret.reveal(), accessKeyId];
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
  ]);
  const longest = Math.max(...forms.map((form) => form.length));
  const whole = output.isCut ? output.text.slice(0, -longest) : output.text;
  let masked = whole;
  for (const form of [...forms].sort((one, other) => other.length - one.length)) {
    masked = masked.replaceAll(form, '***');
  }
  const line = masked.replace(/[\p{C}\s]+/gu, ' ').trim();
  return line.length > LONGEST ? `… ${line.slice(-LONGEST)}` : line;
}
