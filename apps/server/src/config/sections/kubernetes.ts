import { z } from 'zod';
import { optionalText, section, wholeNumber } from '../fields.ts';

const PROVIDERS = ['batchsandbox', 'agent-sandbox'] as const;

const quantities = () => z.record(z.string(), z.string());

export const kubernetesSection = section({
  kubeconfig_path: optionalText().describe('Kubeconfig file. Unset: the in-cluster configuration.'),
  namespace: optionalText().describe('Namespace the sandboxes are created in.'),
  service_account: optionalText().describe('Service account of sandbox pods.'),
  workload_provider: z
    .string()
    .transform((name) => name.toLowerCase())
    .pipe(z.enum(PROVIDERS))
    .prefault('batchsandbox')
    .meta({ rule: 'batchsandbox or agent-sandbox, any case' })
    .describe('Custom resource that stands for a sandbox.'),
  batchsandbox_template_file: optionalText().describe('YAML template merged into every BatchSandbox.'),
  informer_enabled: z.boolean().default(true).describe('Keep a watch-based cache of the cluster.'),
  informer_resync_seconds: wholeNumber(1).default(300).describe('Period of full lists.'),
  informer_watch_timeout_seconds: wholeNumber(1).default(60).describe('Longest life of one watch.'),
  read_qps: z.number().min(0).default(0).describe('Reads a second against the API server. 0: no limit.'),
  read_burst: wholeNumber(0).default(0).describe('Reads that may come at once above read_qps.'),
  write_qps: z.number().min(0).default(0).describe('Writes a second against the API server. 0: no limit.'),
  write_burst: wholeNumber(0).default(0).describe('Writes that may come at once above write_qps.'),
  sandbox_create_timeout_seconds: wholeNumber(1)
    .default(60)
    .describe('How long a sandbox may take to start.'),
  sandbox_create_poll_interval_seconds: z
    .number()
    .gt(0)
    .default(1)
    .describe('Accepted for compatibility; changes are watched, not polled.'),
  snapshot_create_timeout_seconds: wholeNumber(1).default(900).describe('How long a snapshot may take.'),
  image_pull_policy: z.string().default('IfNotPresent').describe('Pull policy of sandbox containers.'),
  execd_init_resources: section({
    limits: quantities().optional().describe('Limits of the container that installs the agent.'),
    requests: quantities().optional().describe('Requests of the container that installs the agent.'),
  })
    .optional()
    .describe('Resources of the container that installs the agent.'),
});
