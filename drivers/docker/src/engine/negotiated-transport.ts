import type { Logger } from '@opensandbox/base';
import { createSingleFlight, isFault } from '@opensandbox/base';
import type { EngineVersion } from './answers.ts';
import type { EngineRequest, Transport } from './transport.ts';
import { readJson } from './transport.ts';

/** A transport whose paths all ask for one API version, which both sides know. */
export interface NegotiatedTransport extends Transport {
  /** Asks the engine again what it speaks: it may have been replaced since. */
  renew(signal: AbortSignal): Promise<void>;
}

/** The API version that this driver was written for and tested with. */
const PREFERRED = '1.41';
const VERSION_MS = 30_000;

/** Asks the engine behind `unversioned` for its version and speaks one that both sides know. */
export async function negotiate(
  unversioned: Transport,
  log: Logger,
  signal: AbortSignal,
): Promise<{ readonly transport: NegotiatedTransport; readonly version: EngineVersion }> {
  const version = await readVersion(unversioned, signal);
  let pinned = pinVersion(version.ApiVersion, version.MinAPIVersion);
  const renewals = createSingleFlight<'version', void>();

  function renew(caller: AbortSignal): Promise<void> {
    return renewals.run(
      'version',
      async (shared) => {
        const { ApiVersion: newest, MinAPIVersion: oldest } = await readVersion(unversioned, shared);
        const next = pinVersion(newest, oldest);
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
export function pinVersion(newest: string, oldest: string | undefined): string {
  if (compareVersions(newest, PREFERRED) < 0) return newest;
  return oldest !== undefined && compareVersions(oldest, PREFERRED) > 0 ? oldest : PREFERRED;
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
  // The engine's own description of its answers is trusted.
  return readJson(answer.body) as EngineVersion;
}
