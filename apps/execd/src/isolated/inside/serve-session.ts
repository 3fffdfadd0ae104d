import { createKeyedLock, silentLogger, systemClock } from '@opensandbox/base';
import { openOutputDirectory } from '@opensandbox/process';
import { Hono } from 'hono';
import { bunPipes } from '../../bun-pipes.ts';
import { bunRuntime } from '../../bun-runtime.ts';
import { findShell } from '../../commands/shell.ts';
import { emptyResponse, faultResponse } from '../../error-envelope.ts';
import { fileRoutesOf, openFileContext } from '../../files/index.ts';
import { readJsonBody } from '../../json-body.ts';
import { findReporter } from '../../sessions/reporter.ts';
import { createSessions } from '../../sessions/sessions.ts';
import type { Sessions } from '../../sessions/sessions.ts';
import type { RunRequest } from '../session-request.ts';
import { serveUnix } from '../unix-http.ts';
import { confinedResolver } from './confined-paths.ts';
import { restrictSystemCalls } from './rights.ts';
import { streamRun } from './run-stream.ts';
import type { SessionSpec } from './session-spec.ts';
import { INSIDE_DIR, readSpec, SOCKET_FILE } from './session-spec.ts';

/** The status of a probe that came this far. */
const PROBED = 0;
const RUNS = 'runs';

/**
 * The agent of one session, inside its namespaces and under its user: its files and its runs, over a socket that the
 * sandbox's agent forwards to. It has no rights the session's programs do not have.
 */
export function serveSession(self: readonly string[]): void {
  const spec = readSpec(INSIDE_DIR);
  restrictSystemCalls();
  if (spec.isProbe) process.exit(PROBED);
  const clock = systemClock();
  const sessions = openSessions(spec, self);
  const id = sessions.create('');
  const turns = createKeyedLock<string>();
  const view = { env: () => spec.env, cwd: spec.workspace.path };
  const files = openFileContext({ ...view, clock, spoolDirectory: '/tmp' }, confinedResolver(spec));

  const routes = new Hono();
  routes.get('/ping', () => emptyResponse());
  routes.post('/run', async (context) => {
    const wanted = (await readJsonBody(context.req.raw)) as RunRequest; // the sandbox's agent has checked it
    const { signal } = context.req.raw;
    const request = { command: wanted.code, cwd: '', envs: wanted.envs, timeoutMs: wanted.timeoutMs };
    return streamRun({ clock, signal, turn: (task) => turns.run(RUNS, task, signal) }, () => {
      return sessions.run(id, request);
    });
  });
  routes.route('/', fileRoutesOf(files, silentLogger));
  routes.onError((error) => faultResponse(error));
  serveUnix(`${INSIDE_DIR}/${SOCKET_FILE}`, (request) => routes.fetch(request));
}

function openSessions(spec: SessionSpec, self: readonly string[]): Sessions {
  const searchPath = spec.env['PATH'];
  return createSessions({
    clock: systemClock(),
    log: silentLogger,
    // It goes with the session, however that ends; /tmp may be the sandbox's own.
    outputs: openOutputDirectory([INSIDE_DIR, '/tmp']),
    pipes: bunPipes(bunRuntime()),
    cwd: spec.workspace.path,
    stop: 'interrupt',
    environment: () => spec.env,
    shell: () => findShell(searchPath),
    reporter: () => findReporter(searchPath, self),
  });
}
