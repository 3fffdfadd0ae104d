import type { Row } from '../row.ts';
import { BACKGROUND } from './background.ts';
import { BOOTSTRAP } from './bootstrap.ts';
import { CODE } from './code.ts';
import { COMMANDS } from './commands.ts';
import { CONNECTIONS } from './connections.ts';
import { DIRECTORIES } from './directories.ts';
import { DOWNLOADS } from './downloads.ts';
import { FILES } from './files.ts';
import { GATES } from './gates.ts';
import { INTERRUPTS } from './interrupts.ts';
import { METRICS } from './metrics.ts';
import { OUTPUT } from './output.ts';
import { PTY } from './pty.ts';
import { SESSIONS } from './sessions.ts';
import { UPLOADS } from './uploads.ts';

/**
 * The table of behaviours. What takes minutes is in the soak test, what the official SDK does in the system tests; that
 * the agent runs in many images is what the kinds of sandboxes are for.
 */
export const ROWS: readonly Row[] = [
  ...CONNECTIONS, // the slowest row is among these: first, so that nothing waits for it at the end
  ...PTY,
  ...GATES,
  ...OUTPUT,
  ...COMMANDS,
  ...BACKGROUND,
  ...INTERRUPTS,
  ...SESSIONS,
  ...CODE,
  ...UPLOADS,
  ...FILES,
  ...DIRECTORIES,
  ...DOWNLOADS,
  ...METRICS,
  ...BOOTSTRAP,
];
