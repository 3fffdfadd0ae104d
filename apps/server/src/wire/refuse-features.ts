import { Fault } from '@opensandbox/base';
import type { CreateSandboxRequest } from '@opensandbox/contract';
import { checkVolumes } from './check-volumes.ts';
import type { CreatePolicy } from './create-policy.ts';

/** Refuses what a request asks for and this server cannot give, rather than run the sandbox without it. */
export function refuseFeatures(request: CreateSandboxRequest, policy: CreatePolicy): void {
  if (request.secureAccess) {
    throw refused(
      "secureAccess is not supported when runtime.type='docker'. Use the Kubernetes runtime to create secured sandboxes.",
    );
  }
  if (request.networkPolicy !== undefined) throw refused(whyNoNetworkPolicy(policy));
  checkVolumes(request.volumes ?? [], policy.allowedHostPaths);
}

function whyNoNetworkPolicy(policy: CreatePolicy): string {
  const mode = policy.networkMode;
  if (mode === 'host') return 'networkPolicy is not supported when docker network_mode=host.';
  if (mode !== undefined && isUserDefined(mode)) {
    return `networkPolicy is not supported when docker network_mode='${mode}' (user-defined network). Use network_mode='bridge' to apply a networkPolicy.`;
  }
  if (policy.egressImage === undefined) {
    return 'egress.image must be configured when networkPolicy is provided.';
  }
  return "networkPolicy is not supported yet by this server. Remove 'networkPolicy' from the request.";
}

function isUserDefined(mode: string): boolean {
  return mode !== 'bridge' && mode !== 'none' && !mode.startsWith('container:');
}

function refused(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid', message);
}
