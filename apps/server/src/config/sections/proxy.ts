import { z } from 'zod';
import { section, wholeNumber } from '../fields.ts';

export const proxySection = section({
  require_api_key: z
    .boolean()
    .default(false)
    .describe(
      'Ask for the API key on proxied requests and WebSocket handshakes too. Off: knowing a sandbox id is enough.',
    ),
  denied_ports: z
    .array(wholeNumber(1, 65535))
    .default([])
    .describe(
      'Ports of sandboxes that are never proxied. Where sandboxes share the network of the host, the ports of this server and of the engine are refused in any case.',
    ),
});
