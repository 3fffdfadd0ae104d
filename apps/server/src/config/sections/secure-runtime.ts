import { z } from 'zod';
import { optionalText, section } from '../fields.ts';

export const secureRuntimeSection = section({
  type: z
    .enum(['', 'gvisor', 'kata', 'firecracker'])
    .default('')
    .describe('Kind of hardened runtime. Empty: the engine’s own.'),
  docker_runtime: optionalText().describe('Name of the runtime in the Docker Engine.'),
  k8s_runtime_class: optionalText().describe('Name of the RuntimeClass in the cluster.'),
});
