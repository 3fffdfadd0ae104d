import { Fault } from '@opensandbox/base';
import {
  type RouteMode,
  type SignatureForm,
  createKeyRing,
  formatRoute,
  formatRouteLabel,
  parseKeyList,
} from '@opensandbox/route-tokens';

export interface SignRequest {
  readonly keyId: string;
  /** The text of the key file. */
  readonly keyList: string;
  readonly sandboxId: string;
  readonly port: number;
  readonly expires: bigint;
  readonly form: SignatureForm;
  readonly mode: RouteMode;
  /** Of the gateway, with a scheme when a whole URL is wanted. */
  readonly address: string | undefined;
}

/**
 * The lines that `sign` prints. Without the gateway's address: the token that the header or the host name carries, in
 * `uri` mode the path. With it: the address to use, and the header that goes with it in `header` mode.
 */
export function signedRoute(request: SignRequest): readonly string[] {
  const { keyId, keyList, sandboxId, port, expires, form, mode, address } = request;
  const claim = { sandboxId, port };
  const proof = createKeyRing(parseKeyList(keyList)).sign(keyId, claim, { expires, form });
  if (address === undefined) {
    return [
      mode === 'uri'
        ? formatRoute({ mode, address: '' }, claim, proof).endpoint
        : formatRouteLabel(claim, proof),
    ];
  }
  const [scheme = ''] = /^https?:\/\//i.exec(address) ?? [];
  const route = formatRoute({ mode, address: address.slice(scheme.length) }, claim, proof);
  const headers = Object.entries(route.headers).map(([name, value]) => `${name}: ${value}`);
  return [`${scheme}${route.endpoint}`, ...headers];
}

const SECONDS: Readonly<Record<string, bigint>> = { s: 1n, m: 60n, h: 3600n, d: 86_400n };

/** Seconds of `90`, `90s`, `15m`, `12h` or `7d`. */
export function parseTtl(text: string): bigint {
  const match = /^(\d{1,9})([smhd]?)$/.exec(text.trim());
  const unit = SECONDS[match?.[2] === '' ? 's' : (match?.[2] ?? '')];
  if (match?.[1] === undefined || unit === undefined) {
    throw new Fault('invalid', 'flags.invalid', '--ttl takes a time such as 90s, 15m, 12h or 7d.');
  }
  return BigInt(match[1]) * unit;
}

/** A Unix time in seconds that lies ahead. */
export function parseExpires(text: string, nowSeconds: bigint): bigint {
  const expires = /^(?:0|[1-9]\d{0,19})$/.test(text) ? BigInt(text) : -1n;
  if (expires <= nowSeconds || expires >= 2n ** 64n) {
    throw new Fault(
      'invalid',
      'flags.invalid',
      `--expires takes a Unix time in seconds after now (${nowSeconds}), or use --ttl.`,
    );
  }
  return expires;
}
