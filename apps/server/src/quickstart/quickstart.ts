import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, deadline, toFault } from '@opensandbox/base';
import type { Host } from '../cli/host.ts';
import { listenForStop } from '../cli/stop-signals.ts';
import { driverSections, openServer } from '../compose.ts';
import type { RunningServer } from '../compose.ts';
import { load } from '../config/load.ts';
import { engineAsker, engineCaller } from '../doctor/engine-http.ts';
import { openLogs } from '@opensandbox/log';
import { demonstrate } from './demonstrate.ts';
import { chooseImage } from './demo-image.ts';
import { findEngine } from './find-engine.ts';
import type { FoundEngine } from './find-engine.ts';
import { tellProgress } from './progress.ts';
import { freeLoopbackPort, quickstartConfig } from './quickstart-config.ts';
import { removeFromEngine, removeThroughApi } from './remove-sandboxes.ts';
import { openStory } from './story.ts';
import type { Story } from './story.ts';

const CLEANUP_MS = 60_000;

interface Stage {
  readonly host: Host;
  readonly story: Story;
  readonly dir: string;
  readonly instance: string;
  readonly apiKey: string;
  readonly engine: FoundEngine;
}

/** Shows the whole platform at work, and leaves nothing behind. Resolves with the exit code. */
export async function quickstart(host: Host, options: { readonly keep: boolean }): Promise<number> {
  using stop = listenForStop(host.signals, host.exit, interrupted);
  const story = openStory(host.stdout, host.clock);
  const dir = mkdtempSync(join(host.tempDir, 'opensandbox-quickstart-'));
  try {
    const engine = await story.step(
      'find a Docker engine',
      () => findEngine(host, stop.signal),
      ({ host: where, version }) => `${version} at ${where}`,
    );
    const instance = `quickstart-${randomBytes(4).toString('hex')}`;
    const stage: Stage = { host, story, dir, instance, apiKey: randomBytes(24).toString('hex'), engine };
    return await onStage(stage, options.keep, stop);
  } catch (error) {
    const code = stop.exitCode();
    if (code !== undefined) return code;
    const tail = logTail(join(dir, 'server.log'));
    host.stderr.write(`quickstart failed: ${describe(error)}\n${tail}Try: opensandbox-server doctor\n`);
    return 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function onStage(stage: Stage, keep: boolean, stop: ReturnType<typeof listenForStop>): Promise<number> {
  const { host, story, apiKey } = stage;
  let server: RunningServer | undefined;
  const { config, opened } = await openServerLogs(stage);
  using logs = opened;
  try {
    const agent = { rootfsDir: host.rootfsDir, version: host.version };
    server = await story.step(
      'start the server',
      () => openServer(config, { ...host, logs, agent }, stop.signal),
      ({ url }) => url,
    );
    const id = await show(stage, server.url, stop.signal);
    if (!keep) return 0;
    story.say(keepServingText(server.url, apiKey, id));
    return await stop.stopped;
  } finally {
    await cleanUp(stage, server);
  }
}

async function openServerLogs(stage: Stage) {
  const { host, dir, instance, apiKey, engine } = stage;
  const text = quickstartConfig({ port: await freeLoopbackPort(), instance, dir });
  const env = { ...host.env, ...engine.env, OPENSANDBOX_SERVER_API_KEY: apiKey };
  const { config } = load(
    { configPath: join(dir, 'sandbox.toml'), env, readFile: () => text, homeDir: host.homeDir },
    driverSections,
  );
  return { config, opened: openLogs(config.log, host) };
}

async function show(stage: Stage, url: string, signal: AbortSignal): Promise<string> {
  const { host, story, apiKey, engine } = stage;
  const ask = engineAsker(engine.env, host.clock);
  const { image, isHere } = await chooseImage(host.env['OPENSANDBOX_DEMO_IMAGE'], ask, signal);
  if (!isHere) story.note(`${image} is not on this engine yet: it is pulled now`);
  const done = new AbortController();
  const progress = tellProgress({ url, apiKey, clock: host.clock, story }, done.signal);
  try {
    return await demonstrate({ domain: new URL(url).host, apiKey, image }, story, signal);
  } finally {
    done.abort();
    await progress;
  }
}

/** Runs on a signal of its own: the one of the work is often the one that was just aborted. */
async function cleanUp(stage: Stage, server: RunningServer | undefined): Promise<void> {
  const { host, story, apiKey, instance, engine } = stage;
  using limit = deadline(host.clock, CLEANUP_MS, new AbortController().signal, interrupted);
  const call = engineCaller(engine.env, host.clock);
  await story.step(
    'clean up',
    async () => {
      if (server !== undefined) {
        await removeThroughApi(server.url, apiKey, limit.signal).catch(() => undefined); // the engine is asked below
        await server.close();
      }
      await removeFromEngine(call, instance, limit.signal);
    },
    () => 'no container is left',
  );
}

function keepServingText(url: string, apiKey: string, id: string): string {
  return [
    '',
    `The server keeps running at ${url} until you press Ctrl-C; its sandboxes end with it.`,
    `API key: ${apiKey}`,
    `Documentation: ${url}/docs`,
    `Try: curl -H "OPEN-SANDBOX-API-KEY: ${apiKey}" ${url}/v1/sandboxes/${id}`,
    '',
  ].join('\n');
}

function logTail(path: string): string {
  try {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-5);
    return `The server's last words:\n${lines.map((line) => `  ${line}\n`).join('')}`;
  } catch {
    return ''; // the server had not begun to log
  }
}

/** The public client throws errors of its own, which carry the server's code. */
function describe(error: unknown): string {
  const fault = toFault(error);
  if (fault === error) return fault.message;
  return error instanceof Error ? error.message : String(error);
}

function interrupted(): Fault {
  return new Fault('cancelled', 'operation.cancelled', 'The quickstart was interrupted.');
}
