import { z } from 'zod';
import { section } from '../fields.ts';

export const egressSection = section({
  image: z
    .string()
    .min(1)
    .optional()
    .describe('Image of the sidecar that enforces networkPolicy. Needed as soon as a request carries one.'),
  mode: z
    .enum(['dns', 'dns+nft'])
    .default('dns')
    .describe('dns: names only. dns+nft: also addresses and address ranges.'),
  disable_ipv6: z.boolean().default(true).describe('Turn IPv6 off where a networkPolicy is enforced.'),
});
