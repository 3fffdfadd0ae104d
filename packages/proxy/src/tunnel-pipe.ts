import type { Duplex } from 'node:stream';
import type { Clock } from '@opensandbox/base';
import { FrameTracker } from './frame-tracker.ts';
import type { TrafficMeter } from './traffic-meter.ts';
import { BACKEND_AWAY, closeFrame, closeFrameToService, emptyCloseFrame } from './websocket-refusal.ts';

/** How long the side that is still there may take to say goodbye. */
const LINGER_MS = 5_000;
/** What a service is told when its client is gone without a word. */
const CLIENT_LEFT = 1000;

export interface TunnelEnds {
  readonly client: Duplex;
  readonly service: Duplex;
}

/**
 * Carries bytes both ways until both sides have gone. Where one of them goes without a close frame, the other gets one
 * in its place as long as that is possible: not in the middle of a frame.
 */
export class TunnelPipe {
  readonly #ends: TunnelEnds;
  readonly #meter: TrafficMeter;
  readonly #clock: Clock;
  readonly #fromClient = new FrameTracker();
  readonly #fromService = new FrameTracker();
  readonly #done: (isBroken: boolean) => void;
  #isBroken = false;
  #linger: Disposable | undefined;

  constructor(
    ends: TunnelEnds,
    { meter, clock }: { readonly meter: TrafficMeter; readonly clock: Clock },
    done: (isBroken: boolean) => void,
  ) {
    this.#ends = ends;
    this.#meter = meter;
    this.#clock = clock;
    this.#done = done;
  }

  /** `early`: what each side sent behind its part of the handshake. */
  start(early: { readonly fromClient: Buffer; readonly fromService: Buffer }): void {
    const { client, service } = this.#ends;
    this.#passUp(early.fromClient);
    this.#fromService.push(early.fromService);
    service.on('data', (bytes: Buffer) => this.#passDown(bytes));
    client.on('data', (bytes: Buffer) => this.#passUp(bytes));
    client.on('drain', () => service.resume());
    service.on('drain', () => client.resume());
    for (const side of [client, service]) {
      side.on('end', () => this.#left(side));
      side.on('error', () => this.#left(side));
      side.on('close', () => this.#closed(side));
      if (side.readableEnded || side.destroyed) this.#left(side);
    }
    if (client.destroyed || service.destroyed) this.#closed(client.destroyed ? client : service);
    client.resume();
    service.resume();
  }

  #passDown(bytes: Buffer): void {
    const { client, service } = this.#ends;
    this.#fromService.push(bytes);
    this.#meter.down(bytes.length);
    if (client.writable && !client.write(bytes)) service.pause();
  }

  #passUp(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const { client, service } = this.#ends;
    this.#fromClient.push(bytes);
    this.#meter.up(bytes.length);
    if (service.writable && !service.write(bytes)) client.pause();
  }

  /** One side sends no more; the other is told, and may still answer for a while. */
  #left(side: Duplex): void {
    const { client, service } = this.#ends;
    const [other, frame] =
      side === service ? [client, this.#goodbyeToClient()] : [service, this.#goodbyeToService()];
    // Whatever waited for the side that is gone would wait for ever.
    other.resume();
    if (!other.writable || other.writableEnded) return;
    if (!this.#fromClient.hasClosed && !this.#fromService.hasClosed) this.#isBroken = true;
    if (frame === 'cut') other.destroy();
    else other.end(frame);
    this.#linger ??= this.#clock.at(this.#clock.now() + LINGER_MS, () => {
      client.destroy();
      service.destroy();
    });
  }

  /** In the middle of a frame nothing can be said, and the end must show. */
  #goodbyeToClient(): Buffer | undefined | 'cut' {
    if (this.#fromService.hasClosed) return undefined;
    if (!this.#fromService.isBetweenFrames) return 'cut';
    return this.#fromClient.hasClosed ? emptyCloseFrame() : closeFrame(BACKEND_AWAY, '');
  }

  #goodbyeToService(): Buffer | undefined | 'cut' {
    if (this.#fromClient.hasClosed) return undefined;
    return this.#fromClient.isBetweenFrames ? closeFrameToService(CLIENT_LEFT) : 'cut';
  }

  #closed(side: Duplex): void {
    const { client, service } = this.#ends;
    this.#left(side);
    if (!client.destroyed || !service.destroyed) return;
    this.#linger?.[Symbol.dispose]();
    this.#done(this.#isBroken);
  }
}
