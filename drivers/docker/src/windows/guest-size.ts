import type { FaultCode, SandboxSpec } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';

/** How large the virtual machine is; `undefined` leaves it to the image. */
export interface GuestSize {
  readonly cores: number | undefined;
  readonly ramGigs: number | undefined;
  readonly diskGigs: number | undefined;
}

const LEAST = { cores: 2, ramGigs: 4, diskGigs: 64 };
const DISK_KEYS = ['disk', 'storage', 'ephemeral-storage'];
const SIZE = /^(\d{1,9})(g|gi|gb|m|mi|mb|t|ti|tb)$/;

/** Reads the limits of a request as the size of a machine. Only what was given is checked, and Windows needs a minimum. */
export function parseGuestSize(spec: Pick<SandboxSpec, 'resourceLimits' | 'resources'>): GuestSize {
  const limits = spec.resourceLimits;
  const diskKey = DISK_KEYS.find((key) => limits[key] !== undefined) ?? 'disk';
  return {
    cores: readCores(limits['cpu'], spec.resources.cpuMillis),
    ramGigs: readGigs('memory', limits['memory'], LEAST.ramGigs),
    diskGigs: readGigs(diskKey, limits[diskKey], LEAST.diskGigs),
  };
}

function readCores(text: string | undefined, millis: number | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (millis === undefined || millis < LEAST.cores * 1000) throw tooSmall('cpu', `${LEAST.cores}`, text);
  return Math.ceil(millis / 1000);
}

/** The machine takes whole units of 2^30 bytes only. */
function readGigs(key: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit = ''] = SIZE.exec(text.trim().toLowerCase()) ?? [];
  if (digits === undefined) {
    throw refused(
      `Windows profile requires resourceLimits.${key} >= ${least}G (received: ${text}). ` +
        'Give a whole number with the unit M, G or T.',
    );
  }
  const count = Number(digits);
  const gigs = unit.startsWith('t') ? count * 1024 : unit.startsWith('m') ? Math.ceil(count / 1024) : count;
  if (gigs < least) throw tooSmall(key, `${least}G`, text);
  return gigs;
}

function tooSmall(key: string, least: string, text: string): Fault {
  return refused(`Windows profile requires resourceLimits.${key} >= ${least} (received: ${text}).`);
}

function refused(message: string): Fault {
  return new Fault('invalid', 'parameter.invalid' satisfies FaultCode, message);
}
