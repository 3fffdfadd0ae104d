import { DURATION_BOUNDS_S } from '@opensandbox/telemetry';
import type { Meters } from '@opensandbox/telemetry';

/**
 * Everything this server measures, but what is read when somebody asks. Labels have few values: a method, a route's
 * template, a public code; never a sandbox, an image or a client.
 */
export type Instruments = ReturnType<typeof declare>;

/** Below a millisecond too: what the server itself adds to a proxied request. */
const SHORT_BOUNDS_S = [0.0001, 0.00025, 0.0005, ...DURATION_BOUNDS_S.filter((bound) => bound <= 30)];

export function createInstruments(meters: Meters): Instruments {
  const instruments = declare(meters);
  showFromTheStart(instruments);
  return instruments;
}

/** What begins at one is no increase to Prometheus: series that are known beforehand begin at zero. */
function showFromTheStart(instruments: Instruments): void {
  const { creates, provisions, deletes, renewals, snapshots, pulls } = instruments;
  creates.of('accepted', '');
  provisions.of('ready', '');
  for (const outcome of ['removed', 'absent', 'failed']) deletes.of(outcome);
  for (const outcome of ['renewed', 'refused']) renewals.of('api', outcome);
  for (const outcome of ['captured', 'failed']) snapshots.of(outcome);
  for (const outcome of ['pulled', 'failed', 'cancelled']) pulls.of(outcome);
  for (const direction of ['up', 'down']) instruments.proxyBytes.of(direction);
  for (const kind of ['http', 'websocket']) {
    instruments.proxyOpen.of(kind);
    instruments.proxyBroken.of(kind);
  }
}

function declare(meters: Meters) {
  const duration = (name: string, help: string, labels: readonly string[] = []) =>
    meters.histogram({ name: `opensandbox_${name}_seconds`, help, labels, bounds: DURATION_BOUNDS_S });
  const short = (name: string, help: string, labels: readonly string[] = []) =>
    meters.histogram({ name: `opensandbox_${name}_seconds`, help, labels, bounds: SHORT_BOUNDS_S });
  const counter = (name: string, help: string, labels: readonly string[] = []) =>
    meters.counter({ name: `opensandbox_${name}_total`, help, labels });
  const gauge = (name: string, help: string, labels: readonly string[] = []) =>
    meters.gauge({ name: `opensandbox_${name}`, help, labels });
  return {
    requests: counter('http_requests', 'Requests by route template.', ['method', 'route', 'status']),
    requestSeconds: short('http_request', 'Requests to the API, proxied ones left out.', ['method', 'route']),
    requestsOpen: gauge('http_requests_open', 'Requests that are being answered, proxied ones included.'),
    errors: counter('http_errors', 'Answers with an error, by its public code.', ['code']),
    creates: counter('sandbox_creates', 'Create requests that were accepted or refused.', [
      'outcome',
      'code',
    ]),
    provisions: counter('sandbox_provisions', 'Sandboxes that became ready or failed.', ['outcome', 'code']),
    createStage: duration(
      'sandbox_create_stage',
      'What a creation waits for; total is from the request on.',
      ['stage'],
    ),
    deletes: counter('sandbox_deletes', 'Removals from the engine.', ['outcome']),
    renewals: counter('sandbox_renewals', 'Deadlines that were moved.', ['source', 'outcome']),
    sdkCreate: duration('sdk_create', 'Creations as clients saw them, told by their SDKs.', [
      'language',
      'success',
    ]),
    snapshots: counter('snapshots', 'Snapshots that were captured or failed.', ['outcome']),
    engineSeconds: duration('engine_operation', 'What the driver was asked to do.', ['operation', 'outcome']),
    engineEvents: counter('engine_events', 'News from the engine.', ['type']),
    eventLag: short('engine_event_lag', 'From an event at the engine until the index knows it.'),
    pulls: counter('image_pulls', 'Pulls of images.', ['outcome']),
    pullSeconds: duration('image_pull', 'Pulls of images.', ['outcome']),
    pullBytes: counter('image_pull_bytes', 'Bytes that pulls have downloaded.'),
    storeSeconds: short('store_write', 'Until a write is durable.', ['operation', 'outcome']),
    storePending: gauge('store_writes_pending', 'Writes that are not durable yet.'),
    proxied: counter('proxy_requests', 'Proxied requests by the status of the answer.', [
      'kind',
      'way',
      'status',
    ]),
    proxyLookup: short('proxy_lookup', 'What this server adds before it dials: until the address is known.'),
    proxyFirstByte: short('proxy_first_byte', 'From dialling until the answer of the service begins.', [
      'way',
    ]),
    proxySeconds: duration('proxy', 'Proxied requests from dialling until their end.', ['kind']),
    proxyOpen: gauge('proxy_open', 'Proxied requests and tunnels that are open.', ['kind']),
    proxyBytes: counter('proxy_bytes', 'Bytes of proxied bodies: up to the services, down to the clients.', [
      'direction',
    ]),
    proxyBroken: counter(
      'proxy_broken',
      'Proxied requests and tunnels that ended before they were complete.',
      ['kind'],
    ),
  };
}
