import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Place } from './place.ts';

const CHECK = 'place';

/** What runs where, and what that asks of the configuration. */
export function judgePlace(
  place: Place,
  engine: { readonly name: string; readonly system: string },
): Finding {
  const { farHost, engineHost, isContained, sharesHostNetwork } = place;
  const isDesktop = /docker desktop|orbstack|colima|rancher desktop/i.test(engine.system);
  const server = isContained ? 'this server runs in a container' : 'this server runs on this machine';
  if (farHost !== undefined) return ok(CHECK, `${server}, the engine on another host: ${farHost}`);
  if (!isContained) return ok(CHECK, `${server}, beside ${isDesktop ? `${engine.system}'s` : 'the'} engine`);
  if (sharesHostNetwork && engineHost === undefined) {
    return ok(CHECK, `${server}, in the network of the engine's host`);
  }
  if (engineHost === undefined) {
    return fail(
      CHECK,
      `${server} that knows no way to the engine's host: neither host.docker.internal nor a gateway`,
      'Attach the container to a network that is not internal, or set docker.host_ip.',
    );
  }
  const host = `${server} with the engine's socket; the host is ${engineHost.address} (${engineHost.source})`;
  return isDesktop && engineHost.source === 'gateway'
    ? warn(CHECK, `${host}, under ${engine.system}`, 'Set docker.host_ip = "host.docker.internal".')
    : ok(CHECK, host);
}

/** What clients are told: an address that means something to them. */
export function judgePublicHost(place: Place): Finding | undefined {
  if (!place.isContained || place.isPublicHostSet || place.farHost !== undefined) return undefined;
  if (place.engineHost === undefined) return undefined;
  return warn(
    'clients',
    `are told ${place.publicHost}, which leads to sandboxes from the engine's host and its containers only`,
    'Set server.eip to the name under which clients reach the host, or have them ask for endpoints through the server (use_server_proxy).',
  );
}
