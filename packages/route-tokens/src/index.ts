export { LATEST_EXPIRY, formatExpiry, parseExpiry } from './expiry-text.ts';
export {
  ACCESS_HEADER,
  OLD_ROUTE_HEADER,
  ROUTE_HEADER,
  formatRoute,
  formatRouteLabel,
} from './format-route.ts';
export type { RouteMode, RoutedEndpoint } from './format-route.ts';
export { createKeyRing } from './key-ring.ts';
export type { KeyRing, RouteClaim, RouteSignature, Verdict } from './key-ring.ts';
export { decodeKey, parseKeyList } from './parse-keys.ts';
export { parseRouteLabel, parseRoutePath, parseRoutePort } from './route-grammar.ts';
export type { ParsedRoute, PathRoute, Route } from './route-grammar.ts';
export { sameText, signatureForm } from './signature.ts';
export type { SignatureForm } from './signature.ts';
