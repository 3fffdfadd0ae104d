import type { Platform, SandboxSpec } from '@opensandbox/core/ports';

/*
 * A Windows sandbox is a Linux container that runs a virtual machine; the images are those of dockurr/windows. The
 * machine sets Windows up, takes `C:\OEM` from `/oem`, and runs `C:\OEM\install.bat` at the end of it.
 */

export function isWindows(spec: Pick<SandboxSpec, 'platform'>): boolean {
  return spec.platform?.os === 'windows';
}

/** The platform that an image must have. A Windows guest runs from whatever the engine itself runs. */
export function requestedPlatform(spec: Pick<SandboxSpec, 'platform'>): Platform | undefined {
  return isWindows(spec) ? undefined : spec.platform;
}

/** Remote desktop, and the page that shows the screen of the machine. */
export const WINDOWS_PORTS = ['3389/tcp', '3389/udp', '8006/tcp'] as const;

/** What the virtual machine needs of the engine's host. */
export const WINDOWS_DEVICES = ['/dev/kvm', '/dev/net/tun'] as const;

export const OEM_DIR = '/oem';

export function oemVolumeName(id: string): string {
  return `opensandbox-win-oem-${id}`;
}
