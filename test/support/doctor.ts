import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, openContainedServer } from './contained-server.ts';
import type { ContainedOptions } from './contained-server.ts';
import { docker } from './docker.ts';
import { REPOSITORY } from './server-image.ts';

const run = promisify(execFile);
const DOCTOR_MS = 60_000;

export interface DoctorFinding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly advice?: string;
}

/** The findings of a doctor by their names. */
export type Diagnosis = (check: string) => DoctorFinding | undefined;

export function readDiagnosis(output: string): Diagnosis {
  const { findings } = JSON.parse(output) as { readonly findings: readonly DoctorFinding[] };
  const mute = findings.filter(({ status, advice }) => status !== 'ok' && (advice ?? '') === '');
  if (mute.length > 0) throw new Error(`without advice: ${JSON.stringify(mute)}`);
  return (check) => findings.find((finding) => finding.check === check);
}

/** Runs the built program's doctor on this machine. */
export async function runDoctor(
  section: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Diagnosis> {
  const home = await mkdtemp(join(tmpdir(), 'opensandbox-doctor-'));
  try {
    const config = join(home, 'config.toml');
    const server = `[server]\nhost = "127.0.0.1"\nport = ${await freePort()}\napi_key = "k"\n`;
    const store = `[store]\npath = "${join(home, 'store.db')}"\n`;
    await writeFile(config, `${server}\n[runtime]\ntype = "docker"\n\n[docker]\n${section}\n\n${store}`);
    const program = join(REPOSITORY, 'apps/server/bin/opensandbox-server.js');
    const args = [program, '--config', config, 'doctor', '--json'];
    const options = { env: { ...process.env, HOME: home, ...env }, timeout: DOCTOR_MS };
    return readDiagnosis(await outputOf(run(process.execPath, args, options)));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Runs the doctor where a server in a container would be. */
export async function runContainedDoctor(options: ContainedOptions): Promise<Diagnosis> {
  await using container = await openContainedServer({ ...options, doctor: true });
  return readDiagnosis(await outputOf(run('docker', ['start', '--attach', container.container])));
}

/** A doctor that found something ends with 1 and has said what. */
export async function outputOf(running: Promise<{ readonly stdout: string }>): Promise<string> {
  try {
    return (await running).stdout;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    if (!stdout.startsWith('{')) throw new Error(`no findings: ${stdout}${stderr}`, { cause: error });
    return stdout;
  }
}

/** What doctors have left on the engine. */
export async function trialsLeft(): Promise<string> {
  const containers = await docker('ps', '-aq', '--filter', 'label=opensandbox.io/auxiliary=doctor');
  return containers + (await docker('images', '-q', 'opensandbox-doctor'));
}
