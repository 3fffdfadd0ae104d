import { checkAborted } from '@opensandbox/base';
import type { DiagnosticsFacet, DiagnosticText, SandboxId } from '@opensandbox/core/ports';
import type { FakeEngine } from './engine.ts';

/** Tells what the sandbox's environment says it wrote, and how the engine in memory has it. */
export function fakeDiagnostics(engine: FakeEngine): DiagnosticsFacet {
  const about = (id: SandboxId, signal: AbortSignal, text: () => string): DiagnosticText | undefined => {
    checkAborted(signal);
    engine.checkReachable('diagnose');
    return engine.read(id) === undefined ? undefined : { text: text(), isTruncated: false, warnings: [] };
  };
  const stands = (id: SandboxId): string => `Status: ${engine.read(id)?.engineState ?? 'gone'}\n`;
  return {
    async logs(id, { scope, lines }, signal) {
      const log = engine.script(id)?.log ?? '';
      return about(id, signal, () => (scope === 'container' ? lastLines(log, lines) : stands(id)));
    },
    events: async (id, _wish, signal) => about(id, signal, () => stands(id)),
    describe: async (id, signal) => about(id, signal, () => stands(id)),
  };
}

function lastLines(log: string, count: number): string {
  const lines = log.split('\n').filter((line) => line !== '');
  return lines
    .slice(-count)
    .map((line) => `${line}\n`)
    .join('');
}
