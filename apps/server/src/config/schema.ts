import type { z } from 'zod';
import { section } from './fields.ts';
import { agentSandboxSection } from './sections/agent-sandbox.ts';
import { egressSection } from './sections/egress.ts';
import { fakeSection } from './sections/fake.ts';
import { ingressSection } from './sections/ingress.ts';
import { kubernetesSection } from './sections/kubernetes.ts';
import { logSection } from './sections/log.ts';
import { proxySection } from './sections/proxy.ts';
import { metricsSection } from './sections/metrics.ts';
import { renewIntentSection } from './sections/renew-intent.ts';
import { runtimeSection } from './sections/runtime.ts';
import { secureRuntimeSection } from './sections/secure-runtime.ts';
import { serverSection } from './sections/server.ts';
import { storageSection, storeSection } from './sections/storage.ts';

/** The sections that drivers own; `compose.ts` brings them in. */
export interface DriverSections<Docker> {
  readonly docker: z.ZodType<Docker>;
}

/** The whole file. Every table may be left out but `[runtime]`. */
export function configSchema<Docker>(drivers: DriverSections<Docker>) {
  return section({
    server: serverSection.prefault({}).describe('The HTTP server.'),
    log: logSection.prefault({}).describe('What is logged, and where to.'),
    metrics: metricsSection.prefault({}).describe('What the server tells Prometheus.'),
    runtime: runtimeSection.describe('What runs the sandboxes.'),
    docker: prefaulted(drivers.docker).describe('The Docker runtime.'),
    fake: fakeSection.prefault({}).describe('The fake runtime: how long its steps pretend to take.'),
    kubernetes: kubernetesSection.prefault({}).describe('The Kubernetes runtime.'),
    agent_sandbox: agentSandboxSection.prefault({}).describe('The agent-sandbox workload provider.'),
    ingress: ingressSection.prefault({}).describe('How clients reach sandboxes.'),
    proxy: proxySection.prefault({}).describe('Requests that are passed on to sandboxes.'),
    egress: egressSection.prefault({}).describe('The sidecar that enforces networkPolicy.'),
    storage: storageSection.prefault({}).describe('Volumes.'),
    store: storeSection.prefault({}).describe('Where the server keeps its records.'),
    secure_runtime: secureRuntimeSection.prefault({}).describe('Hardened runtimes.'),
    renew_intent: renewIntentSection.prefault({}).describe('Prolonging sandboxes on access (experimental).'),
  });
}

/** A driver's section has a type parameter, which keeps `.prefault({})` from proving that `{}` is valid input. */
function prefaulted<Docker>(schema: z.ZodType<Docker>): z.ZodType<Docker> {
  return (schema as z.ZodType<Docker, object>).prefault({});
}

export type ConfigDocument<Docker> = z.output<ReturnType<typeof configSchema<Docker>>>;
