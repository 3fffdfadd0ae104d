export { FAULT_STATUS } from './fault-status.ts';
export { connectionOptions, endToEndHeaders, headerIn } from './hop-by-hop.ts';
export { soundHost } from './host-header.ts';
export { ipLiteral } from './ip-literal.ts';
export { parsePreferWait } from './prefer.ts';
export { faultFields, publicMessage } from './public-error.ts';
export { requestIdOf } from './request-id.ts';
export { formatRetryAfter } from './retry-after.ts';
