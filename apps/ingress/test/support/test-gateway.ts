import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Fault, systemClock } from '@opensandbox/base';
import { createKeyRing } from '@opensandbox/route-tokens';
import type { KeyRing } from '@opensandbox/route-tokens';
import type { Tracing } from '@opensandbox/telemetry';
import { type LogCapture, captureLog } from '@opensandbox/testkit';
import type { AccessRule } from '../../src/access/decide-access.ts';
import { createGatekeeper } from '../../src/access/gatekeeper.ts';
import type { SandboxDirectory } from '../../src/directory.ts';
import { type GatewayMeter, createGatewayMeter } from '../../src/gateway-meter.ts';
import { type Gateway, openGateway } from '../../src/gateway.ts';
import type { GatewayMode } from '../../src/request-target.ts';
import type { Visit } from '../../src/route-request.ts';

export interface TestSandbox {
  readonly accessToken?: string;
  readonly host?: string;
  /** Where its ports are, when not where they say. */
  readonly port?: number;
  readonly basePath?: string;
  readonly fault?: Fault;
}

export interface TestGatewayOptions {
  readonly mode?: GatewayMode;
  readonly rule?: AccessRule;
  readonly keys?: KeyRing | undefined;
  readonly guesses?: number;
  readonly sandboxes?: Readonly<Record<string, TestSandbox>>;
  readonly tracing?: Tracing;
}

export const KEYS = createKeyRing(
  new Map([
    ['a', Buffer.from('my-test-secret')],
    ['b', Buffer.from('another one')],
  ]),
);

/** The gateway in this process, in front of sandboxes that a test makes up. */
export class TestGateway implements AsyncDisposable {
  readonly gateway: Gateway;
  readonly log: LogCapture;
  readonly meter: GatewayMeter;
  readonly visits: Visit[];
  readonly doubted: string[];
  #closed: Promise<void> | undefined;

  constructor(parts: Pick<TestGateway, 'gateway' | 'log' | 'meter' | 'visits' | 'doubted'>) {
    this.gateway = parts.gateway;
    this.log = parts.log;
    this.meter = parts.meter;
    this.visits = parts.visits;
    this.doubted = parts.doubted;
  }

  static async open(options: TestGatewayOptions = {}): Promise<TestGateway> {
    const { mode = 'header', rule = 'secured', sandboxes = {}, guesses = 1000 } = options;
    const keys = 'keys' in options ? options.keys : KEYS;
    const clock = systemClock();
    const log = captureLog();
    const visits: Visit[] = [];
    const doubted: string[] = [];
    const directory: SandboxDirectory = {
      find: (id) => entryOf(id, sandboxes),
      doubt: (id, port) => void doubted.push(`${id}:${port}`),
      health: () => ({ isFresh: true, ageMs: 0, sandboxes: Object.keys(sandboxes).length }),
    };
    const limit = { guesses, windowMs: 3_600_000, sandboxes: 100 };
    const meter = createGatewayMeter({ directory: directory.health });
    const gateway = openGateway({
      mode,
      directory,
      gatekeeper: createGatekeeper({ rule, keys: () => keys, limit, clock }),
      visited: (visit) => void visits.push(visit),
      clock,
      log,
      meter,
      tracing: options.tracing,
      maxConnections: 0,
    });
    gateway.server.listen(0, '127.0.0.1');
    await once(gateway.server, 'listening');
    return new TestGateway({ gateway, log, meter, visits, doubted });
  }

  get port(): number {
    return (this.gateway.server.address() as AddressInfo).port;
  }

  close(drainMs: number): Promise<void> {
    this.#closed ??= this.gateway.close(drainMs);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close(0);
  }
}

function entryOf(id: string, sandboxes: Readonly<Record<string, TestSandbox>>) {
  const sandbox = sandboxes[id];
  if (sandbox === undefined) throw new Fault('not_found', 'sandbox.not_found', `sandbox not found: ${id}`);
  if (sandbox.fault !== undefined) throw sandbox.fault;
  const { accessToken, host = '127.0.0.1', basePath = '' } = sandbox;
  return { accessToken, dial: (port: number) => ({ host, port: sandbox.port ?? port, basePath }) };
}
