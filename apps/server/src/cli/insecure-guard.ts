import { Fault } from '@opensandbox/base';
import type { Logger, Secret } from '@opensandbox/base';

export const INSECURE_VARIABLE = 'OPENSANDBOX_INSECURE_SERVER';
const CONSEQUENCE = 'Anyone who can reach this server can create sandboxes and run code in them.';
const REMEDY =
  'Set server.api_key in the configuration, or OPENSANDBOX_SERVER_API_KEY, to turn authentication on.';

export interface InsecureGuard {
  readonly apiKey: Secret | undefined;
  /** The value of OPENSANDBOX_INSECURE_SERVER. */
  readonly acknowledgement: string | undefined;
  /** Asks a person; `undefined` where there is no terminal. Resolves with `undefined` when no answer came in time. */
  readonly ask: ((question: string) => Promise<string | undefined>) | undefined;
  readonly log: Logger;
}

/** Lets a server without an API key start only when somebody said so. Rejects with `forbidden`. */
export async function confirmInsecureStart(guard: InsecureGuard): Promise<void> {
  if (guard.apiKey !== undefined) return;
  if (guard.acknowledgement === 'YES') {
    guard.log.warn('server.insecure', {
      message: `server.api_key is empty; acknowledged by ${INSECURE_VARIABLE}. ${CONSEQUENCE}`,
    });
    return;
  }
  if (guard.ask === undefined) {
    throw refusal(
      'Startup blocked: server.api_key is empty in non-interactive mode. ' +
        `Set ${INSECURE_VARIABLE}=YES to acknowledge the risk. ${REMEDY}`,
    );
  }
  const answer = await guard.ask(
    `SECURITY WARNING: server.api_key is empty; ${CONSEQUENCE} Type YES within 30 seconds to start all the same: `,
  );
  if (answer === 'YES') {
    guard.log.warn('server.insecure', {
      message: `server.api_key is empty; acknowledged at the terminal. ${CONSEQUENCE}`,
    });
    return;
  }
  throw refusal(
    answer === undefined
      ? `Startup aborted: confirmation timed out waiting for YES. ${REMEDY}`
      : `Startup aborted: missing explicit confirmation for empty server.api_key. ${REMEDY}`,
  );
}

function refusal(message: string): Fault {
  return new Fault('forbidden', 'config.insecure', message);
}
