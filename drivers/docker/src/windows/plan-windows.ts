import type { ContainerDraft } from '../engine/answers.ts';
import { AGENT_PORT, HTTP_PORT } from '../names.ts';
import type { PlanStep } from '../plan/plan-step.ts';
import { parseGuestSize } from './guest-size.ts';
import { isWindows, OEM_DIR, oemVolumeName, WINDOWS_DEVICES } from './windows.ts';

/** The machine makes its own network for the guest. */
const CAPABILITIES = ['NET_ADMIN', 'NET_RAW'];
const GUEST_PORTS = [AGENT_PORT, HTTP_PORT, 3389, 8006].map(String);

/**
 * What the virtual machine needs of its container. Comes last: it takes two capabilities back from the hardening.
 * With a network policy that lets root in the container, but not in the guest, change the policy.
 */
export const planWindows: PlanStep = (draft, { record, settings }) => {
  if (!isWindows(record.spec)) return draft;
  const { CapDrop = [], ...host } = draft.HostConfig;
  const { Binds = [], CapAdd = [] } = host;
  const dropped = CapDrop.filter((name) => !CAPABILITIES.includes(name.toUpperCase().replace(/^CAP_/, '')));
  return {
    ...draft,
    Env: formatEnv(draft, guestEnv(draft, record.spec, settings.networkMode)),
    HostConfig: {
      ...host,
      Binds: [...Binds, `${oemVolumeName(record.id)}:${OEM_DIR}:rw`],
      Devices: WINDOWS_DEVICES.map((path) => ({
        PathOnHost: path,
        PathInContainer: path,
        CgroupPermissions: 'rwm',
      })),
      CapAdd: [...CapAdd, ...CAPABILITIES],
      ...(dropped.length === 0 ? {} : { CapDrop: dropped }),
    },
  };
};

function guestEnv(
  draft: ContainerDraft,
  spec: Parameters<typeof parseGuestSize>[0],
  networkMode: string,
): ReadonlyMap<string, string> {
  const { cores, ramGigs, diskGigs } = parseGuestSize(spec);
  const asked = draft.Env?.findLast((entry) => entry.startsWith('USER_PORTS='))?.slice('USER_PORTS='.length);
  const ports = (asked ?? '').split(',').map((port) => port.trim());
  const all = [...new Set([...ports.filter((port) => port !== ''), ...GUEST_PORTS])];
  return new Map([
    ...(cores === undefined ? [] : [['CPU_CORES', String(cores)] as const]),
    ...(ramGigs === undefined ? [] : [['RAM_SIZE', `${ramGigs}G`] as const]),
    ...(diskGigs === undefined ? [] : [['DISK_SIZE', `${diskGigs}G`] as const]),
    ...(networkMode === 'host' ? [] : [['USER_PORTS', all.join(',')] as const]),
  ]);
}

/** The limits of the request win over its environment. */
function formatEnv(draft: ContainerDraft, own: ReadonlyMap<string, string>): readonly string[] {
  const kept = (draft.Env ?? []).filter((entry) => !own.has(entry.slice(0, entry.indexOf('='))));
  return [...kept, ...[...own].map(([name, value]) => `${name}=${value}`)];
}
