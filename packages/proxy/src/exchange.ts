import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { AnswerHead } from './answer-head.ts';
import type { TrafficHooks } from './traffic.ts';

/** Where a request goes, and what the service is told. */
export interface Destination {
  /**
   * Sandbox and port, for error texts: the only thing of it that clients are shown. Kept connections belong to it, too:
   * an address may be another sandbox's tomorrow, a name must not be.
   */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Path and query, byte for byte as the service is to read them. */
  readonly path: string;
  /** Flat list of names and values, `Host` excluded. */
  readonly headers: readonly string[];
  /** Asked with, in place of the request's own method. */
  readonly method?: string | undefined;
}

export interface Exchange extends TrafficHooks {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly destination: Destination;
  /** Headers of the answer that this proxy sets, by lower-case name; asked for when the answer is there. */
  readonly own: () => Readonly<Record<string, string>>;
  /**
   * Looks at the head of the answer before anything of it is passed on; a Fault that it throws counts as no answer. What it
   * returns is passed on in place of the head.
   */
  readonly inspect?: ((head: AnswerHead) => AnswerHead | undefined | void) | undefined;
  /** Stands for the body of the request, with the same bytes. */
  readonly body?: Readable | undefined;
}
