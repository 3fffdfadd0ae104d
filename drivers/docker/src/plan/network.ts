import { AGENT_PORT, HTTP_PORT } from '../names.ts';
import { isWindows, WINDOWS_PORTS } from '../windows/windows.ts';
import type { PlanStep } from './plan-step.ts';

const PUBLISHED = [`${AGENT_PORT}/tcp`, `${HTTP_PORT}/tcp`];

/**
 * The engine picks the host ports: it alone can do so without a race. In host mode there is nothing to
 * publish.
 */
export const planNetwork: PlanStep = (draft, { record, settings }) => {
  const { networkMode, publishAddress } = settings;
  const ports = isWindows(record.spec) ? [...PUBLISHED, ...WINDOWS_PORTS] : PUBLISHED;
  const bindings = ports.map((port) => [port, [{ HostIp: publishAddress, HostPort: '' }]] as const);
  return {
    ...draft,
    ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])),
    HostConfig: {
      ...draft.HostConfig,
      NetworkMode: networkMode,
      ...(networkMode === 'host' ? {} : { PortBindings: Object.fromEntries(bindings) }),
    },
  };
};
