import { Secret } from '@opensandbox/base';
import { z } from 'zod';
import { section } from '../fields.ts';
import { gatewayAddressProblem } from './gateway-address.ts';

const keyId = () =>
  z
    .string()
    .regex(/^[0-9a-z]$/, 'must be one character, 0-9 or a-z')
    .meta({ rule: 'one character, 0-9 or a-z' });

const gateway = section({
  address: z.string().min(1).describe('Host of the gateway, without a scheme.'),
  route: section({
    mode: z
      .enum(['wildcard', 'header', 'uri'])
      .describe('How the gateway tells sandboxes apart: by host name, header or path.'),
  }).describe('How requests are routed.'),
}).superRefine((value, context) => {
  const problem = gatewayAddressProblem(value.address, value.route.mode);
  if (problem !== undefined) context.addIssue({ code: 'custom', path: ['address'], message: problem });
});

const signingKey = section({
  key_id: keyId().describe('Name of the key inside signed routes.'),
  key: z
    .string()
    .refine(isBase64, 'must be standard base64 of at least one byte')
    .transform((text) => new Secret(text))
    .meta({ secret: true, rule: 'standard base64 of at least one byte; padding optional' })
    .describe('The key itself.'),
});

const secureAccess = section({
  active_key: keyId().describe('The key that signs new routes.'),
  keys: z.array(signingKey).min(1).describe('Keys that are accepted.'),
}).superRefine((value, context) => {
  const ids = value.keys.map((key) => key.keyId);
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) {
    const message = `duplicate secure_access key_id '${twice}'; each key_id must be unique`;
    context.addIssue({ code: 'custom', path: ['keys'], message });
  }
  if (!ids.includes(value.activeKey)) {
    const available = ids.map((id) => `'${id}'`).join(', ');
    const message = `active_key '${value.activeKey}' not found in secure_access.keys; available keys: [${available}]`;
    context.addIssue({ code: 'custom', path: ['active_key'], message });
  }
});

export const ingressSection = section({
  mode: z
    .enum(['direct', 'gateway'])
    .default('direct')
    .describe('direct: clients reach sandboxes themselves. gateway: through a gateway (Kubernetes only).'),
  gateway: gateway.optional().describe('The gateway; needed in gateway mode.'),
  secure_access: secureAccess.optional().describe('Keys that sign routes through the gateway.'),
});

function isBase64(text: string): boolean {
  const digits = text.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/]+$/.test(digits) || digits.length % 4 === 1) return false;
  return digits.length === text.length || text.length % 4 === 0;
}
