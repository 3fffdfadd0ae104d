import type { TrafficFacts } from '@opensandbox/proxy';
import { createMeters, DURATION_BOUNDS_S, expose } from '@opensandbox/telemetry';
import type { Meters } from '@opensandbox/telemetry';

/** What the gateway counts. Labels have few values: never a sandbox, a path or an address. */
export interface GatewayMeter {
  opened(kind: PassageKind): OpenPassage;
  readonly observed: (facts: TrafficFacts) => void;
  /** In the text format of Prometheus. */
  exposition(): Promise<string>;
}

export type PassageKind = 'http' | 'websocket';

/** A request or a tunnel, open until it is disposed. */
export interface OpenPassage extends Disposable {
  /** Told once, when there is nothing more to come. */
  ended(facts: EndedFacts): void;
}

export interface EndedFacts {
  readonly status: number;
  readonly durationMs: number;
  /** The code of the gateway's own refusal. */
  readonly code: string | undefined;
}

/** Figures of others, asked for when somebody looks. */
export interface MeterSources {
  readonly directory: () => { readonly isFresh: boolean; readonly ageMs: number; readonly sandboxes: number };
}

export function createGatewayMeter(sources: MeterSources): GatewayMeter {
  const meters = createMeters();
  const counted = declare(meters);
  observeDirectory(meters, sources);
  for (const kind of ['http', 'websocket']) counted.open.of(kind);
  const [up, down] = [counted.bytes.of('up'), counted.bytes.of('down')];
  return {
    opened(kind) {
      counted.open.of(kind).add(1);
      return {
        ended({ status, code, durationMs }) {
          counted.requests.of(kind, `${Math.floor(status / 100)}xx`).add(1);
          counted.seconds.of(kind).record(durationMs / 1000);
          if (code !== undefined) counted.refusals.of(code).add(1);
        },
        [Symbol.dispose]: () => counted.open.of(kind).add(-1),
      };
    },
    observed({ upBytes, downBytes, isBroken, firstByteMs }) {
      up.add(upBytes);
      down.add(downBytes);
      if (isBroken) counted.broken.of().add(1);
      if (firstByteMs !== undefined) counted.firstByte.of().record(firstByteMs / 1000);
    },
    exposition: () => expose(meters),
  };
}

function declare(meters: Meters) {
  const name = (end: string): string => `opensandbox_ingress_${end}`;
  const bounds = DURATION_BOUNDS_S;
  return {
    requests: meters.counter({
      name: name('requests_total'),
      help: 'Requests and tunnels by the status of their answer.',
      labels: ['kind', 'status'],
    }),
    refusals: meters.counter({
      name: name('refusals_total'),
      help: 'What the gateway refused, by its own code.',
      labels: ['code'],
    }),
    open: meters.gauge({ name: name('open'), help: 'Requests and tunnels that are open.', labels: ['kind'] }),
    seconds: meters.histogram({
      name: name('seconds'),
      help: 'Requests and tunnels from their beginning until their end.',
      labels: ['kind'],
      bounds,
    }),
    firstByte: meters.histogram({
      name: name('first_byte_seconds'),
      help: 'From dialling until the answer of the service begins.',
      bounds,
    }),
    bytes: meters.counter({
      name: name('bytes_total'),
      help: 'Bytes of bodies: up to the services, down to the clients.',
      labels: ['direction'],
    }),
    broken: meters.counter({
      name: name('broken_total'),
      help: 'Requests and tunnels that ended before they were complete.',
    }),
  };
}

function observeDirectory(meters: Meters, { directory }: MeterSources): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    meters.observed({ name: `opensandbox_ingress_directory_${name}`, help, kind: 'gauge' }, (observe) =>
      observe(read()),
    );
  gauge('sandboxes', 'Sandboxes that the directory knows.', () => directory().sandboxes);
  gauge('age_seconds', 'How old what the directory knows is.', () => directory().ageMs / 1000);
  gauge('fresh', '1 while the directory is up to date, else 0.', () => (directory().isFresh ? 1 : 0));
}
