import { Fault } from '@opensandbox/base';
import { SEALED_HEAD, headerIn, openAnswer, sealRequest } from '@opensandbox/http';
import type { AnswerHead, Destination } from '@opensandbox/proxy';

/** Set by the agent on the answers that it gives itself in place of a service. It takes the header from what services say. */
const OWN_ANSWER = 'opensandbox-execd-proxy';

/** Ports that no engine publishes are reached through the agent in the sandbox, below this path. */
export function isAgentPath(basePath: string): boolean {
  return /^\/proxy\/\d+$/.test(basePath);
}

/** The same request for an agent, with the head besides in a form that the agent's HTTP library leaves alone. */
export function sealForAgent(destination: Destination, method: string, basePath: string): Destination {
  const { path, headers } = destination;
  const head = { method, target: path.slice(basePath.length), rawHeaders: headers };
  return { ...destination, headers: [...headers, SEALED_HEAD, sealRequest(head)] };
}

/** The head that the service sent. Throws what the agent says of the port in its own name. */
export function readAgentsAnswer(name: string, { status, rawHeaders }: AnswerHead): AnswerHead {
  const said = headerIn(rawHeaders, OWN_ANSWER);
  if (said !== undefined && said !== 'unauthorized') {
    const text =
      said === 'refused'
        ? `Could not connect to the backend sandbox: nothing listens on ${name}.`
        : `${name} closed the connection or sent no valid HTTP answer.`;
    throw new Fault('unavailable', 'proxy.refused_inside', text);
  }
  const sealed = headerIn(rawHeaders, SEALED_HEAD);
  return { status, rawHeaders: (sealed === undefined ? undefined : openAnswer(sealed)) ?? rawHeaders };
}
