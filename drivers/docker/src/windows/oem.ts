import type { FaultCode, SandboxRecord } from '@opensandbox/core/ports';
import type { Clock, Logger } from '@opensandbox/base';
import { abortable, Fault, retry, UndoStack } from '@opensandbox/base';
import { packFiles } from '../agent/archive.ts';
import type { Engine } from '../engine/engine.ts';
import { named, orAlready } from '../faults.ts';
import { LABEL } from '../names.ts';
import type { AgentBinary } from './agent-binary.ts';
import { INSTALL_SCRIPT } from './install-script.ts';
import { isWindows, OEM_DIR, oemVolumeName } from './windows.ts';

/** What a Windows guest finds under `C:\OEM`. Disposing it removes the volume, unless it was kept. */
export interface Oem extends AsyncDisposable {
  /** Writes into the container's mount before it starts. */
  readonly fill: (container: string, signal: AbortSignal) => Promise<void>;
  keep(): void;
}

export interface OemContext {
  readonly engine: Pick<Engine, 'createVolume' | 'removeVolume' | 'writeArchive'>;
  /** `undefined`: the server's own agent, which is none for Windows. */
  readonly windowsAgent: AgentBinary | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const UNDO_RETRIES = {
  attempts: 4,
  backoff: { firstMs: 250, longestMs: 2_000, jitter: 0, random: () => 0 },
};

/** Makes the volume of a Windows sandbox; `undefined` for any other. */
export async function prepareOem(
  context: OemContext,
  record: SandboxRecord,
  signal: AbortSignal,
): Promise<Oem | undefined> {
  if (!isWindows(record.spec)) return undefined;
  const { engine, log } = context;
  const agent = await readAgent(context, signal);
  const volume = oemVolumeName(record.id);
  const undo = new UndoStack((step, error) =>
    log.error('sandbox.undo_failed', { sandboxId: record.id, step, error }),
  );
  // Not aborted on the wire: the engine would go on and make it.
  const own = new AbortController().signal;
  const making = engine.createVolume(volume, { [LABEL.owner]: record.id }, own);
  undo.add('windows volume', async () => {
    await making.catch(() => undefined); // its failure is reported by the create itself
    const remove = (): Promise<void> => orAlready(engine.removeVolume(volume, own));
    await retry({ ...UNDO_RETRIES, clock: context.clock }, remove, own);
  });
  try {
    const failed = 'Failed to create the volume of the Windows guest';
    await abortable(named('sandbox.start_failed', failed, making), signal);
  } catch (error) {
    await undo[Symbol.asyncDispose]();
    throw error;
  }
  return {
    fill: async (container, filling) => {
      const tar = packFiles([
        {
          kind: 'file',
          path: 'install.bat',
          mode: 0o644,
          size: INSTALL_SCRIPT.length,
          source: INSTALL_SCRIPT,
        },
        { kind: 'file', path: 'execd.exe', mode: 0o644, size: agent.length, source: agent },
      ]);
      const writing = engine.writeArchive(container, { path: OEM_DIR, tar }, filling);
      await named('agent.bootstrap_failed', 'Failed to write the set-up files of the Windows guest', writing);
    },
    keep: () => undo.keep(),
    [Symbol.asyncDispose]: () => undo[Symbol.asyncDispose](),
  };
}

async function readAgent(context: OemContext, signal: AbortSignal): Promise<Buffer> {
  if (context.windowsAgent !== undefined) return context.windowsAgent.read(signal);
  throw new Fault(
    'internal',
    'agent.distribution_failed' satisfies FaultCode,
    'There is no agent for Windows: set runtime.execd_image to an image that holds /execd.exe.',
  );
}
