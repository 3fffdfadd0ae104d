import { Fault } from '@opensandbox/base';
import type { EndpointBody } from '@opensandbox/contract';
import {
  ACCESS_HEADER,
  type KeyRing,
  LATEST_EXPIRY,
  type RouteMode,
  formatRoute,
} from '@opensandbox/route-tokens';

/** The header that the sidecar with the network policy asks for. */
const EGRESS_HEADER = 'OPENSANDBOX-EGRESS-AUTH';
const EGRESS_PORT = 18080;

/** What `ingress` says about the gateway; `undefined` where clients reach sandboxes themselves. */
export interface GatewaySettings {
  readonly mode: RouteMode;
  readonly address: string;
  /** `ingress.secure_access`. */
  readonly signing: { readonly activeKey: string; readonly keys: KeyRing } | undefined;
}

/** A port of a sandbox, and the tokens of that sandbox. */
export interface GatewayTarget {
  readonly sandboxId: string;
  readonly port: number;
  readonly accessToken: string | undefined;
  readonly egressToken: string | undefined;
}

/** Refuses an expiry that no route can be signed for. Comes before the question whether the sandbox exists. */
export function checkExpiry(expires: bigint, nowSeconds: bigint): void {
  if (expires < 0n) throw invalid('expires must be a non-negative Unix timestamp (uint64).');
  if (expires <= nowSeconds) {
    throw invalid(`expires (${expires}) must be greater than current time (${nowSeconds}).`);
  }
  if (expires > LATEST_EXPIRY) throw invalid('expires exceeds uint64 maximum value.');
}

/**
 * The address of a port behind the gateway. A signed one is good by itself until it expires; an unsigned one of a secured
 * sandbox comes with the token that clients have to send.
 */
export function formatGatewayEndpoint(
  gateway: GatewaySettings | undefined,
  target: GatewayTarget,
  expires: bigint | undefined,
): EndpointBody {
  if (gateway === undefined) {
    throw invalid(
      "Signed routes require ingress.mode = 'gateway'. Configure ingress gateway or omit the expires parameter.",
    );
  }
  const { sandboxId, port, accessToken, egressToken } = target;
  const proof = expires === undefined ? undefined : signed(gateway, { sandboxId, port }, expires);
  const route = formatRoute(gateway, { sandboxId, port }, proof);
  const headers = {
    ...route.headers,
    ...(accessToken !== undefined && proof === undefined ? { [ACCESS_HEADER]: accessToken } : {}),
    ...(egressToken !== undefined && port === EGRESS_PORT ? { [EGRESS_HEADER]: egressToken } : {}),
  };
  return Object.keys(headers).length === 0
    ? { endpoint: route.endpoint }
    : { endpoint: route.endpoint, headers };
}

function signed(
  { signing }: GatewaySettings,
  claim: { readonly sandboxId: string; readonly port: number },
  expires: bigint,
) {
  if (signing === undefined) {
    throw invalid(
      'Signed routes require ingress.secure_access to be configured with signing keys. ' +
        'Configure secure_access or omit the expires parameter.',
    );
  }
  return signing.keys.sign(signing.activeKey, claim, { expires });
}

function invalid(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid', message);
}
