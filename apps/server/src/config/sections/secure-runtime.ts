import { z } from 'zod';
import { optionalText, section } from '../fields.ts';

export const secureRuntimeSection = section({
  type: z
    .enum(['', 'gvisor', 'kata', 'firecracker'])
    .default('')
    .describe('What runs every sandbox. Empty: the engine’s default runtime.'),
  docker_runtime: optionalText().describe(
    'Name of the runtime in the Docker Engine. Empty text: runsc for gvisor, kata-runtime for kata.',
  ),
  k8s_runtime_class: optionalText().describe('Name of the RuntimeClass in the cluster.'),
});
