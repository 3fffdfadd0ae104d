import type { FaultCode, SandboxSpec } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { SecureRuntime } from '../secure-runtime.ts';
import { parseGuestSize } from './guest-size.ts';

export interface WindowsHost {
  /** Whether the configured agent image can hold an agent for Windows at all. */
  readonly hasAgentImage: boolean;
  readonly secureRuntime: SecureRuntime | undefined;
  /** Architecture of the engine, as a request would name it; `undefined` when it does not say. */
  readonly arch: string | undefined;
  /** Devices that the engine's host lacks; empty when that cannot be seen from here. */
  missingDevices(signal: AbortSignal): Promise<readonly string[]>;
}

/** Refuses what no virtual machine would heed, and hosts that cannot run one. */
export async function admitWindows(spec: SandboxSpec, host: WindowsHost, signal: AbortSignal): Promise<void> {
  if (!host.hasAgentImage) {
    throw refused(
      "platform.os 'windows' needs an agent for Windows, which does not come with this server. Set " +
        'runtime.execd_image to an image that holds /execd.exe.',
    );
  }
  if (host.secureRuntime?.kind === 'gvisor') {
    throw refused("platform.os 'windows' needs /dev/kvm, which secure_runtime.type 'gvisor' does not offer.");
  }
  const { arch } = spec.platform ?? {};
  if (host.arch !== undefined && arch !== undefined && arch !== host.arch) {
    throw refused(
      `platform.arch '${arch}' cannot be had with platform.os 'windows' here: the virtual machine has the engine's own, ` +
        `'${host.arch}'.`,
    );
  }
  parseGuestSize(spec);
  if (spec.resourceLimits['gpu'] !== undefined) {
    throw refused("resourceLimits.gpu is not supported with platform.os 'windows'.");
  }
  const [request] = Object.keys(spec.resourceRequests);
  if (request !== undefined) {
    throw refused(`resourceRequests.${request} is not supported with platform.os 'windows'.`);
  }
  const missing = await host.missingDevices(signal);
  if (missing.length === 0) return;
  throw refused(
    `Windows profile requires ${missing.join(' and ')} on the host of the Docker Engine. Load the kernel modules ` +
      'kvm and tun there; in a virtual machine, turn on nested virtualisation.',
  );
}

function refused(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid' satisfies FaultCode, message);
}
