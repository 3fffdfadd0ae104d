import { connect } from 'node:net';
import { Fault, checkAborted, deadline, sleep } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import type { AgentProbe } from '@opensandbox/core/ports';
import { publishedAgent } from './sandbox-ways.ts';
import type { AskAgent, SandboxWays } from './sandbox-ways.ts';

/** Waits between two questions: short at first, because a create is as slow as the last of them. */
const FIRST_WAITS_MS = [8, 8, 10, 10, 15, 15, 20, 20, 25, 25];
const LONGEST_WAIT_MS = 250;
/** A connection that was accepted by the engine's port forwarder but leads nowhere is given up after this. */
const ATTEMPT_MS = 2_000;

export interface AgentProbeDeps {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly ways: Pick<SandboxWays, 'ask'>;
}

export function createAgentProbe(deps: AgentProbeDeps): AgentProbe {
  const { clock, timeoutMs, ways } = deps;
  return {
    async waitReady(reach, signal) {
      publishedAgent(reach); // without an address there is nothing to wait for
      using limit = deadline(clock, timeoutMs, signal, () => notReady(timeoutMs));
      for (let attempt = 0; ; attempt += 1) {
        checkAborted(limit.signal);
        using once = deadline(clock, ATTEMPT_MS, limit.signal, () => notReady(ATTEMPT_MS));
        if (await ways.ask(reach, once.signal)) return;
        await sleep(clock, waitMs(attempt), limit.signal);
      }
    },
  };
}

function waitMs(attempt: number): number {
  const beyond = attempt - FIRST_WAITS_MS.length + 1;
  return FIRST_WAITS_MS[attempt] ?? Math.min(LONGEST_WAIT_MS, 25 * 1.5 ** beyond);
}

function notReady(ms: number): Fault {
  return new Fault(
    'timeout',
    'agent.not_ready',
    `The agent in the sandbox did not answer within ${ms / 1000} s.`,
  );
}

const PING = 'GET /ping HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n';
/** Whatever listens in a sandbox may send without end; what is no status line by then will be none. */
const LONGEST_LINE = 256;
const STATUS_LINE = /^HTTP\/1\.[01] ([1-4])\d\d/;

/**
 * `GET /ping` on a connection of its own: a kept one would outlive the sandbox's pause or end. Spoken on the
 * bare socket, because most questions during a burst of creates come before the agent listens and an HTTP
 * client costs several times the processor time of the answer. Any status below 500 is an agent that lives.
 */
export const askOverHttp: AskAgent = (host, port, signal) =>
  new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host, port });
    const give = (): void => void socket.destroy();
    signal.addEventListener('abort', give, { once: true });
    socket.on('connect', () => socket.write(PING));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.includes('\r\n') || answer.length > LONGEST_LINE) socket.destroy();
    });
    socket.on('error', () => undefined); // the close that follows gives the answer
    socket.on('close', () => {
      signal.removeEventListener('abort', give);
      resolve(STATUS_LINE.test(answer));
    });
    if (signal.aborted) give();
  });
