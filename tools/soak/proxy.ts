import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { openHeapProbe } from '../../test/support/heap-probe.ts';
import { runCycle } from '../../test/support/proxy-churn.ts';
import { growth, settledHoldings } from '../../test/support/proxy-holdings.ts';
import {
  DIRECT,
  type ServicePort,
  type ServiceSandbox,
  THROUGH_AGENT,
  openServiceSandbox,
} from '../../test/support/service-sandbox.ts';
import { patternAt, patternSum } from '../../test/support/services/pattern.ts';
import { inParallel } from '../bench/figures.ts';

export interface ProxySoak {
  /** WebSockets, event streams, slow readers and requests that are given up. */
  readonly cycles: number;
  readonly width: number;
  /** How long an event stream says nothing. */
  readonly quietSeconds: number;
  /** How long one upload takes, a byte a second. */
  readonly slowSeconds: number;
}

const WARM_UP = 0.1;

/** Lets clients come and go through the proxy of a real server, to a real sandbox; tells what went wrong. */
export async function soakProxy(wanted: ProxySoak): Promise<string[]> {
  const problems: string[] = [];
  await using probe = await openHeapProbe();
  await using services = await openServiceSandbox({ env: probe.env });
  const ports = [DIRECT, THROUGH_AGENT];
  for (const port of ports) await services.start(port);
  const patient = ports.flatMap((port) => [
    quietEvents(services, port, wanted.quietSeconds),
    slowUpload(services, port, wanted.slowSeconds),
  ]);
  // What runs beside them is open meanwhile: the first figures are taken when nothing is.
  for (const problem of await Promise.all(patient)) problems.push(...problem);

  const warmUp = Math.ceil(wanted.cycles * WARM_UP);
  await inParallel(warmUp, wanted.width, (n) => runCycle(services, n));
  const before = await settledHoldings(services, probe);
  console.log(`proxy: after ${warmUp} cycles ${JSON.stringify(before)}`);
  await inParallel(wanted.cycles - warmUp, wanted.width, async (n) => {
    await runCycle(services, n);
    if (n % 1000 === 999) console.log(`proxy: ${warmUp + n + 1} cycles`);
  });
  const after = await settledHoldings(services, probe, before);
  console.log(`proxy: after ${wanted.cycles} cycles ${JSON.stringify(after)}`);
  const more = growth(before, after);
  if (more !== undefined) problems.push(`what is held grew: ${more}`);
  return problems;
}

async function quietEvents(services: ServiceSandbox, port: ServicePort, seconds: number): Promise<string[]> {
  const answer = await fetch(services.url(port, `/quiet-events?seconds=${seconds}`));
  try {
    const text = await answer.text();
    return text.includes('after') ? [] : [`quiet events ${port.way} ended early, as if they were complete`];
  } catch (error) {
    return [`quiet events ${port.way} broke off: ${String(error)}`];
  }
}

async function slowUpload(services: ServiceSandbox, port: ServicePort, seconds: number): Promise<string[]> {
  const request = httpRequest(services.url(port, '/sum'), {
    method: 'POST',
    headers: { 'Content-Length': String(seconds) },
    agent: false,
  });
  const answered = once(request, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => undefined); // told below
  for (let second = 0; second < seconds; second += 1) {
    request.write(patternAt(second, second + 1));
    await pause(1000);
  }
  request.end();
  try {
    const [answer] = await answered;
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += String(piece);
    return text.includes(patternSum(seconds)) ? [] : [`a slow upload ${port.way} was answered with ${text}`];
  } catch (error) {
    return [`a slow upload ${port.way} failed: ${String(error)}`];
  }
}
