import { existsSync } from 'node:fs';
import { toFault } from '@opensandbox/base';
import type { Clock } from '@opensandbox/base';
import { askOverHttp } from '../agent-probe.ts';
import type { ServerConfig } from '../compose.ts';
import type { LoadedConfig } from '../config/load.ts';
import { BUILTIN_EXECD } from '../config/sections/runtime.ts';
import { unavailableFeature } from '../config/unavailable.ts';
import { checkEngine, checkExecdImage, checkNetwork } from './check-engine.ts';
import type { EngineReading } from './check-engine.ts';
import { judgePlace, judgePublicHost } from './check-place.ts';
import { checkReach } from './check-reach.ts';
import { checkBridge, checkBuiltinExecd, checkDisk, checkNode, checkPort, checkStore } from './check-host.ts';
import { checkSecureRuntime } from './check-secure-runtime.ts';
import type { FindMissingRuntime } from './check-secure-runtime.ts';
import type { AskEngine, EnginePlace, SendToEngine } from './engine-http.ts';
import { fail, ok, warn } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Place } from './place.ts';

type DoctorConfig = ServerConfig;

export interface DoctorDeps {
  readonly load: () => LoadedConfig<ServerConfig['docker']>;
  readonly ask: AskEngine;
  readonly engine: EnginePlace;
  readonly now: () => number;
  readonly nodeVersion: string;
  readonly rootfsDir: string;
  readonly findMissingRuntime: FindMissingRuntime;
  readonly send: SendToEngine;
  readonly clock: Clock;
  readonly findPlace: (config: ServerConfig, clock: Clock) => Promise<Place>;
  /** Whether a container may be run for a moment. */
  readonly mayRunContainer: boolean;
}

/** Looks at everything a server needs on this host. What it makes for a trial is gone when it ends. */
export async function examine(deps: DoctorDeps, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [checkNode(deps.nodeVersion)];
  const loaded = readConfig(deps, findings);
  const engine = loaded?.runtime.type === 'fake' ? undefined : await examineEngine(deps, signal);
  findings.push(...(engine?.findings ?? []));
  if (loaded === undefined) return findings;
  if (engine?.answered === true)
    findings.push(...(await examineRuntime(deps, { config: loaded, engine }, signal)));
  if (loaded.runtime.type === 'docker' && loaded.runtime.execdImage === BUILTIN_EXECD) {
    findings.push(checkBuiltinExecd(deps.rootfsDir));
  }
  findings.push(await checkPort(loaded.server.host, loaded.server.port));
  findings.push(checkStore(loaded.store.path), checkDisk('disk', loaded.store.path));
  // Seen from inside a container the engine's directory is not there.
  if (engine?.dataDir !== undefined && deps.engine.isSocket && existsSync(engine.dataDir))
    findings.push(checkDisk('engine disk', engine.dataDir));
  return findings;
}

function readConfig(deps: DoctorDeps, findings: Finding[]): DoctorConfig | undefined {
  try {
    const { config, path, notices } = deps.load();
    const unknown = notices.filter((notice) => notice.level === 'warn');
    const names = unknown.map(
      (notice) => `${String(notice.fields['name'])}: ${String(notice.fields['note'])}`,
    );
    findings.push(
      names.length === 0
        ? ok('config', path)
        : warn('config', [path, ...names].join('\n'), 'Mend or remove these keys.'),
    );
    const unavailable = unavailableFeature(config);
    if (unavailable !== undefined)
      findings.push(fail('runtime', unavailable, 'Change it in the configuration.'));
    findings.push(
      config.apiKey === undefined
        ? warn(
            'api key',
            'server.api_key is empty: anyone who reaches the server can use it',
            'Set server.api_key.',
          )
        : ok('api key', 'set'),
    );
    return config;
  } catch (error) {
    const advice =
      'Mend the file, or write a new one: opensandbox-server init-config --example docker --force';
    findings.push(fail('config', toFault(error).message, advice));
    return undefined;
  }
}

function examineEngine(deps: DoctorDeps, signal: AbortSignal): Promise<EngineReading> {
  return checkEngine(deps, signal);
}

async function examineRuntime(
  deps: DoctorDeps,
  { config, engine }: { readonly config: DoctorConfig; readonly engine: EngineReading },
  signal: AbortSignal,
): Promise<Finding[]> {
  const { networkMode } = config.docker;
  const network = await checkNetwork(deps.ask, networkMode, signal);
  const findings = [network];
  if (config.runtime.type === 'docker') {
    const place = await deps.findPlace(config, deps.clock);
    findings.push(judgePlace(place, { name: deps.engine.name, system: engine.facts.system }));
    const bridge =
      place.farHost === undefined && networkMode === 'bridge' ? checkBridge('docker0') : undefined;
    if (bridge !== undefined) findings.push(bridge);
    if (network.status !== 'fail') findings.push(await examineReach(deps, { config, engine, place }, signal));
    const clients = judgePublicHost(place);
    if (clients !== undefined) findings.push(clients);
  }
  if (config.runtime.execdImage !== BUILTIN_EXECD) {
    findings.push(await checkExecdImage(deps.ask, config.runtime.execdImage, signal));
  }
  findings.push(...(await checkSecureRuntime(deps, config.secureRuntime, signal)));
  return findings;
}

async function examineReach(
  deps: DoctorDeps,
  known: { readonly config: DoctorConfig; readonly engine: EngineReading; readonly place: Place },
  signal: AbortSignal,
): Promise<Finding> {
  if (!deps.mayRunContainer) {
    return warn(
      'reach',
      'not tried: --no-container',
      'Run the doctor without it to see whether sandboxes are reached.',
    );
  }
  const { networkMode } = known.config.docker;
  const { send, clock } = deps;
  const { place, engine } = known;
  return checkReach({ send, clock, ask: askOverHttp, place, networkMode, engine: engine.facts }, signal);
}
