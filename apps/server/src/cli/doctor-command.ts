import { driverSections, findMissingRuntime, findPlace } from '../compose.ts';
import { dockerEnvironment } from '../config/environment.ts';
import { load } from '../config/load.ts';
import { examine } from '../doctor/doctor.ts';
import { engineAsker, enginePlace, engineSender } from '../doctor/engine-http.ts';
import { formatFindings } from '../doctor/finding.ts';
import type { Host } from './host.ts';

export interface DoctorRequest {
  readonly configPath: string | undefined;
  readonly json: boolean;
  /** Whether a container may be run for a moment. */
  readonly container: boolean;
}

/** Prints what this host lacks; resolves with 1 when something failed. */
export async function doctor(host: Host, request: DoctorRequest, signal: AbortSignal): Promise<number> {
  const engine = dockerEnvironment(host.env, host.homeDir);
  const findings = await examine(
    {
      load: () => load({ ...host, configPath: request.configPath }, driverSections),
      ask: engineAsker(engine, host.clock),
      engine: enginePlace(engine, host.clock),
      now: () => host.clock.now(),
      nodeVersion: host.nodeVersion,
      rootfsDir: host.rootfsDir,
      findMissingRuntime,
      send: engineSender(engine, host.clock),
      clock: host.clock,
      findPlace,
      mayRunContainer: request.container,
    },
    signal,
  );
  const failed = findings.some((finding) => finding.status === 'fail');
  host.stdout.write(
    request.json
      ? `${JSON.stringify({ ok: !failed, findings }, undefined, 2)}\n`
      : formatFindings(findings, host.stdout.isTTY === true),
  );
  return failed ? 1 : 0;
}
