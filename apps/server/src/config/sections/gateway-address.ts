const LABEL = /^[A-Za-z0-9-]{1,63}$/;

/** What is wrong with a gateway address for a route mode; `undefined` when nothing is. */
export function gatewayAddressProblem(
  address: string,
  mode: 'wildcard' | 'header' | 'uri',
): string | undefined {
  if (address.includes('://')) return 'must not have a scheme; clients choose http or https';
  if (mode === 'wildcard') {
    return isWildcard(address)
      ? undefined
      : "must be a wildcard domain such as '*.example.com', without a port";
  }
  if (address.includes('*')) return `must not contain '*' when gateway.route.mode = '${mode}'`;
  if (mode === 'uri') return address.trim() === '' ? 'must not be blank' : undefined;
  return isHostAndPort(address)
    ? undefined
    : 'must be a host name or an IPv4 address, with or without a port';
}

function isWildcard(address: string): boolean {
  const labels = address.split('.').slice(1);
  if (!address.startsWith('*.') || labels.length < 2) return false;
  return labels.every((label) => LABEL.test(label)) && labels[0]?.startsWith('-') === false;
}

function isHostAndPort(address: string): boolean {
  const [host = '', port, ...rest] = address.split(':');
  if (rest.length > 0) return false;
  if (port !== undefined && !isPort(port)) return false;
  if (/^[0-9.]+$/.test(host)) return isIpv4(host);
  return host
    .split('.')
    .every((label) => LABEL.test(label) && !label.startsWith('-') && !label.endsWith('-'));
}

function isPort(text: string): boolean {
  return /^[0-9]{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^[0-9]{1,3}$/.test(part) && Number(part) <= 255);
}
