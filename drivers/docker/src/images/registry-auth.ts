import type { RegistryAuth } from '@opensandbox/core/ports';

/** Credentials as the engine passes them on to a registry. */
export type Credentials =
  { readonly username: string; readonly password: string } | { readonly identitytoken: string };

/** The value of `X-Registry-Auth`: JSON in URL-safe base64, with its padding. */
export function formatRegistryAuth(credentials: Credentials): string {
  return Buffer.from(JSON.stringify(credentials))
    .toString('base64')
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

export function readRequestAuth(auth: RegistryAuth): Credentials {
  return { username: auth.username, password: auth.password.reveal() };
}
