interface Inspect {
  readonly Config: Readonly<Record<string, unknown>>;
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

const CONFIG = ['Image', 'Entrypoint', 'Cmd', 'Env', 'ExposedPorts', 'Labels'];
const HOST = [
  'Binds',
  'NetworkMode',
  'PortBindings',
  'CapAdd',
  'CapDrop',
  'SecurityOpt',
  'Devices',
  'DeviceRequests',
  'Memory',
  'NanoCpus',
  'CpuShares',
  'PidsLimit',
  'StorageOpt',
  'Runtime',
];

/** What an inspect says of the container that was asked for; what differs from run to run has a name instead. */
export function normaliseWindows(
  inspect: object,
  names: { readonly id: string; readonly image: string; readonly instance: string },
): unknown {
  const { Config: config, HostConfig: host } = inspect as Inspect;
  const pick = (from: Readonly<Record<string, unknown>>, keys: readonly string[]) =>
    Object.fromEntries(keys.map((key) => [key, from[key]]));
  // An empty label says that something does not apply: which there are is not what this is about.
  const labels = Object.entries({ ...(config['Labels'] as object) }).filter(([, value]) => value !== '');
  const Config = { ...pick(config, CONFIG), Labels: Object.fromEntries(labels) };
  const text = JSON.stringify({ Config, HostConfig: pick(host, HOST) });
  return JSON.parse(
    text
      .replaceAll(names.id, '<id>')
      .replaceAll(names.image, '<image>')
      .replaceAll(names.instance, '<instance>'),
  );
}
