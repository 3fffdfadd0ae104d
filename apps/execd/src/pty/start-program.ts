import { startBetweenPipes } from './piped-program.ts';
import type { StartProgram } from './program.ts';
import type { ProgramDeps } from './program-deps.ts';
import { startOnTerminal } from './terminal-program.ts';

/** Starts a session's shell in the way that its first client asked for. */
export function startProgram(deps: ProgramDeps): StartProgram {
  return (request, events) => {
    deps.log.info('pty.start', { mode: request.mode });
    return request.mode === 'pty'
      ? startOnTerminal(deps, request, events)
      : startBetweenPipes(deps, request, events);
  };
}
