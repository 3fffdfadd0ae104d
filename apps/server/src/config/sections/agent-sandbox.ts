import { z } from 'zod';
import { optionalText, section } from '../fields.ts';

export const agentSandboxSection = section({
  template_file: optionalText().describe('YAML template merged into every agent Sandbox resource.'),
  shutdown_policy: z
    .enum(['Delete', 'Retain'])
    .default('Delete')
    .describe('What happens to the resource when its sandbox expires.'),
  ingress_enabled: z.boolean().default(true).describe('Whether sandboxes are reached through the ingress.'),
});
