import { Fault } from '@opensandbox/base';
import type { RouteClaim, RouteSignature } from './key-ring.ts';

/** How a gateway tells sandboxes apart. */
export type RouteMode = 'wildcard' | 'header' | 'uri';

/** What a client needs to reach a port through a gateway. */
export interface RoutedEndpoint {
  /** Host, and in `uri` mode path, without a scheme. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The header that names a sandbox and a port. */
export const ROUTE_HEADER = 'OpenSandbox-Ingress-To';
/** Its older name, still read. */
export const OLD_ROUTE_HEADER = 'OPEN-SANDBOX-INGRESS';
/** The header that carries the token of a secured sandbox. */
export const ACCESS_HEADER = 'OpenSandbox-Secure-Access';

/** The longest label of a host name, by the rules of DNS. */
const LONGEST_LABEL = 63;

/** `{id}-{port}`, or `{id}-{port}-{expiry}-{signature}` with a proof. */
export function formatRouteLabel({ sandboxId, port }: RouteClaim, proof: RouteSignature | undefined): string {
  const label = `${sandboxId}-${port}`;
  return proof === undefined ? label : `${label}-${proof.expiry}-${proof.signature}`;
}

/**
 * Where clients find a port behind a gateway. Throws a Fault (`invalid`, `route.label_too_long` or
 * `route.label_invalid`) when a host name cannot carry it.
 */
export function formatRoute(
  gateway: { readonly mode: RouteMode; readonly address: string },
  claim: RouteClaim,
  proof: RouteSignature | undefined,
): RoutedEndpoint {
  const label = formatRouteLabel(claim, proof);
  switch (gateway.mode) {
    case 'wildcard':
      checkLabel(label);
      return { endpoint: `${label}.${gateway.address.replace(/^\*\./, '')}`, headers: {} };
    case 'header':
      return { endpoint: gateway.address, headers: { [ROUTE_HEADER]: label } };
    case 'uri': {
      const tail = proof === undefined ? '' : `/${proof.expiry}/${proof.signature}`;
      const address = gateway.address.replace(/\/+$/, '');
      return {
        endpoint: `${address}/${encodeURIComponent(claim.sandboxId)}/${claim.port}${tail}`,
        headers: {},
      };
    }
  }
}

function checkLabel(label: string): void {
  if (label.length > LONGEST_LABEL) {
    throw new Fault(
      'invalid',
      'route.label_too_long',
      `The route has ${label.length} characters and a host name's label holds ${LONGEST_LABEL}. ` +
        'Use the header or uri mode of the gateway, or the short form of the signature.',
    );
  }
  // Clients lower-case host names on their own, so an id with capitals would not be found again.
  if (!/^[a-z0-9][a-z0-9-]*$/.test(label)) {
    throw new Fault(
      'invalid',
      'route.label_invalid',
      'The sandbox id cannot stand in a host name. Use the header or uri mode of the gateway.',
    );
  }
}
