import type { ProcessControl } from '../../become.ts';
import { enterSession, makeRoom } from './enter.ts';
import { serveSession } from './serve-session.ts';
import { ENTER, MAKE_ROOM, SERVE } from './session-spec.ts';

/** Does what a process of an isolated session was started for. Throws the reason when it cannot. */
export function runInside(control: ProcessControl, args: readonly string[], self: readonly string[]): void {
  const [mode, ...rest] = args;
  if (mode === ENTER) enterSession(control, rest[0] ?? '');
  else if (mode === MAKE_ROOM) makeRoom(rest[0] ?? '', rest[1] ?? '0');
  else if (mode === SERVE) serveSession(self);
  else throw new Error(`unknown argument ${mode ?? ''}`);
}
