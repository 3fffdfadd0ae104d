import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Clock, type Fault, type Logger, toFault } from '@opensandbox/base';
import { faultFields } from '@opensandbox/http';
import { type Handover, openTunnel, replayWithoutUpgrade } from '@opensandbox/proxy';
import type { Tracing } from '@opensandbox/telemetry';
import { writeAccessLine } from './access-line.ts';
import type { GatewayMeter } from './gateway-meter.ts';
import { beginTrace } from './request-trace.ts';
import { type Passage, type RouteDeps, noteFailure, routeRequest } from './route-request.ts';
import { faultToAnswer } from './wire-faults.ts';
import { formatPlainAnswer } from './wire-text.ts';

export interface UpgradeDeps extends RouteDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly meter: GatewayMeter;
  readonly tracing?: Tracing | undefined;
}

/** Connections that left HTTP: closing the server does not end them by itself. */
export interface Upgrades {
  closeAll(): void;
  /** Resolves when none is open. */
  ended(): Promise<void>;
}

/** WebSockets go through as bytes, with all their headers; any other upgrade is a plain request. */
export function handleUpgrades(server: Server, deps: UpgradeDeps, closing: AbortSignal): Upgrades {
  const sockets = new Set<Duplex>();
  const running = new Set<Promise<void>>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (request.headers.upgrade?.toLowerCase() !== 'websocket' || request.method !== 'GET') {
      replayWithoutUpgrade(server, request, { socket, head });
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const tunnel = carry(deps, { request, socket, head }, closing);
    running.add(tunnel);
    void tunnel.finally(() => running.delete(tunnel));
  });
  return {
    closeAll() {
      for (const socket of sockets) socket.destroy();
    },
    async ended() {
      await Promise.all(running);
    },
  };
}

/** Never rejects. */
async function carry(deps: UpgradeDeps, handover: Handover, closing: AbortSignal): Promise<void> {
  const { clock, log, meter } = deps;
  const { request, socket } = handover;
  const passage: Passage = {};
  const startedAt = clock.now();
  const peer = request.socket.remoteAddress;
  using counted = meter.opened('websocket');
  const trace = beginTrace(deps.tracing, request);
  let fault: Fault | undefined;
  let status = 500;
  const tunnel = {
    clock,
    refusal: 'relay' as const,
    find: (signal: AbortSignal) =>
      routeRequest(deps, { request, peer, traceHeaders: trace.headers }, passage, signal),
    failed(failure: Fault) {
      fault = failure;
      noteFailure(deps, passage, failure);
      log.debug('gateway.websocket_failed', faultFields(failure));
      return '';
    },
    failureAnswer: (failure: Fault) => formatPlainAnswer(faultToAnswer(failure)),
    active: () => {
      if (passage.visit !== undefined) deps.visited(passage.visit);
    },
    observed: meter.observed,
  };
  try {
    status = await openTunnel(tunnel, handover, closing);
  } catch (error) {
    fault = toFault(error);
    log.error('gateway.websocket_failed', faultFields(fault));
    socket.destroy();
  }
  const durationMs = clock.now() - startedAt;
  const facts = { kind: 'websocket', method: 'GET', status, durationMs, peer } as const;
  counted.ended({ ...facts, code: fault?.code });
  trace.ended(status, fault?.code);
  writeAccessLine(log, passage, facts);
}
