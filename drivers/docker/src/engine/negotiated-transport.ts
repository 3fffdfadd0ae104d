import type { Logger } from '@opensandbox/base';
import { createSingleFlight, isFault } from '@opensandbox/base';
import type { EngineVersion } from './answers.ts';
import type { EngineRequest, Transport } from './transport.ts';
import { notAnEngine } from '../faults.ts';
import { readJson } from './transport.ts';

/** A transport whose paths all ask for one API version, which both sides know. */
export interface NegotiatedTransport extends Transport {
  /** Asks the engine again what it speaks: it may have been replaced since. */
  renew(signal: AbortSignal): Promise<void>;
}

/** The API version that this driver was written for and tested with. */
const PREFERRED = '1.41';
const VERSION_MS = 30_000;

export interface Wish {
  readonly log: Logger;
  /** A version to speak instead of the usual one, if the engine offers it. */
  readonly apiVersion: string | undefined;
}

/** Asks the engine behind `unversioned` for its version and speaks one that both sides know. */
export async function negotiate(
  unversioned: Transport,
  { log, apiVersion }: Wish,
  signal: AbortSignal,
): Promise<{ readonly transport: NegotiatedTransport; readonly version: EngineVersion }> {
  const version = await readVersion(unversioned, signal);
  const pin = ({ ApiVersion: newest, MinAPIVersion: oldest }: EngineVersion): string =>
    pinVersion(newest, oldest, apiVersion);
  let pinned = pin(version);
  if (apiVersion !== undefined && pinned !== apiVersion) {
    log.warn('docker.api_version_refused', { wanted: apiVersion, speaks: pinned });
  }
  const renewals = createSingleFlight<'version', void>();

  function renew(caller: AbortSignal): Promise<void> {
    return renewals.run(
      'version',
      async (shared) => {
        const next = pin(await readVersion(unversioned, shared));
        if (next !== pinned) log.info('docker.api_version', { from: pinned, to: next });
        pinned = next;
      },
      caller,
    );
  }

  /**
   * An engine refuses a version that it does not speak with 400, before it looks at anything else: such a request
   * may be repeated whatever it does. The status is all there is to tell by, so every 400 is worth the question.
   */
  async function speak<T>(
    request: EngineRequest,
    send: (versioned: EngineRequest) => Promise<T>,
    caller: AbortSignal,
  ): Promise<T> {
    const asked = pinned;
    try {
      return await send(withVersion(request, asked));
    } catch (error) {
      if (!isFault(error, 'invalid')) throw error;
      await renew(caller).catch(() => undefined); // the refusal itself is the answer then
      const isConsumed = request.tar !== undefined;
      if (pinned === asked || isConsumed) throw error;
      return send(withVersion(request, pinned));
    }
  }

  return {
    version,
    transport: {
      call: (request, caller) => speak(request, (versioned) => unversioned.call(versioned, caller), caller),
      open: (request, caller) => speak(request, (versioned) => unversioned.open(versioned, caller), caller),
      renew,
      [Symbol.dispose]: () => unversioned[Symbol.dispose](),
    },
  };
}

/** The preferred version, within what the engine offers: not above its newest, not below its oldest. */
export function pinVersion(newest: string, oldest: string | undefined, wanted = PREFERRED): string {
  if (compareVersions(newest, wanted) < 0) return newest;
  return oldest !== undefined && compareVersions(oldest, wanted) > 0 ? oldest : wanted;
}

function compareVersions(left: string, right: string): number {
  const [leftMajor = 0, leftMinor = 0] = left.split('.').map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split('.').map(Number);
  return leftMajor - rightMajor || leftMinor - rightMinor;
}

function withVersion(request: EngineRequest, version: string): EngineRequest {
  return { ...request, path: `/v${version}${request.path}` };
}

async function readVersion(unversioned: Transport, signal: AbortSignal): Promise<EngineVersion> {
  const answer = await unversioned.call({ method: 'GET', path: '/version', timeoutMs: VERSION_MS }, signal);
  const version = readJson(answer.body);
  if (typeof version === 'object' && version !== null && 'ApiVersion' in version)
    return version as EngineVersion;
  throw notAnEngine();
}
