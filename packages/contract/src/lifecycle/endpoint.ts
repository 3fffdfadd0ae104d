import { z } from 'zod';
import { boolean, integer, queryObject, wireObject } from '../validation/fields.ts';
import { wireSchema } from '../validation/wire-schema.ts';

export const endpointPathSchema = wireObject({
  port: integer().meta({ description: 'Port inside the sandbox, 1 to 65535.' }),
});

export const endpointQuerySchema = queryObject({
  use_server_proxy: boolean()
    .default(false)
    .meta({ description: 'Asks for an address that leads through this server. Excludes `expires`.' }),
  expires: integer().optional().meta({
    description: 'Unix time in seconds until which a signed address shall work. Excludes `use_server_proxy`.',
  }),
});

export const endpointBodySchema = z.object({
  endpoint: z.string().meta({ description: 'Host, port and path without a scheme.' }),
  headers: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'Headers that requests to the endpoint must carry.' }),
});

export type EndpointPath = z.output<typeof endpointPathSchema>;
export type EndpointQuery = z.output<typeof endpointQuerySchema>;
export type EndpointBody = z.output<typeof endpointBodySchema>;

export const endpointPath = wireSchema<EndpointPath>(endpointPathSchema);
export const endpointQuery = wireSchema<EndpointQuery>(endpointQuerySchema);
