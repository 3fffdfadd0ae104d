import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import type { SandboxRecord } from '@opensandbox/core/ports';
import { describe, expect, it } from 'vitest';
import type { DockerTest } from '../docker-harness.ts';
import { HAS_ENGINE, IMAGE, temporaryDirectory } from '../docker-harness.ts';
import { startAttack } from './attacker.ts';
import type { VolumeTest } from './volume-harness.ts';
import { faultOf, hostVolume, openVolumeTest, pinFiles, pinMounts } from './volume-harness.ts';

const CREATES = 200;
const AT_ONCE = 6;

interface Outcome {
  inside: number;
  outside: number;
  refused: number;
}

/** What a container has at its mount, seen from the host: neither the container nor the engine is asked. */
async function look(docker: DockerTest['docker'], container: string, outcome: Outcome): Promise<void> {
  const pid = await docker('inspect', '-f', '{{.State.Pid}}', container);
  const at = `/proc/${pid}/root/mnt/data`;
  if (existsSync(`${at}/canary`)) outcome.outside += 1;
  else if (existsSync(`${at}/inside`)) outcome.inside += 1;
  else throw new Error('the mount holds neither');
}

async function createOne(test: VolumeTest, path: string, outcome: Outcome): Promise<void> {
  let record: SandboxRecord;
  const creating = test.createUnadmitted([hostVolume(path)]);
  try {
    record = await creating;
  } catch {
    const fault = await faultOf(creating);
    if (fault.code !== 'volume.host_path_not_allowed') throw fault;
    outcome.refused += 1;
    return;
  }
  await look(test.docker, `sandbox-${record.id}`, outcome);
  await test.destroy(record);
}

/** What a server does that compares the real path with the prefix, and then hands the path to the engine. */
async function createNaively(
  test: VolumeTest,
  path: string,
  prefix: string,
  outcome: Outcome,
): Promise<void> {
  if (!(await realpath(path)).startsWith(`${prefix}/`)) {
    outcome.refused += 1;
    return;
  }
  const id = await test.docker('run', '-d', '-v', `${path}:/mnt/data:rw`, IMAGE, 'sleep', '600');
  try {
    await look(test.docker, id, outcome);
  } finally {
    await test.docker('rm', '-fv', id);
  }
}

async function repeat(times: number, work: () => Promise<void>): Promise<void> {
  let left = times;
  const lane = async (): Promise<void> => {
    while ((left -= 1) >= 0) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

describe.skipIf(!HAS_ENGINE)(
  'host paths, while a sandbox exchanges names below the allowed directory',
  () => {
    it('never lead a sandbox to what is outside', { timeout: 600_000 }, async () => {
      await using directory = await temporaryDirectory();
      await using test = await openVolumeTest([`${directory.path}/allowed`]);
      await using attack = await startAttack(test, directory.path);
      const outcome: Outcome = { inside: 0, outside: 0, refused: 0 };
      await repeat(CREATES, () => createOne(test, attack.path, outcome));
      console.log('host paths under attack:', outcome);
      expect(outcome.outside).toBe(0);
      // Both happen, or there was no race to win.
      expect(outcome.inside).toBeGreaterThan(10);
      expect(outcome.refused).toBeGreaterThan(10);
      expect(await pinMounts()).toEqual([]);
      expect(await pinFiles()).toEqual([]);
    });

    it('would, if the path were checked and handed over', { timeout: 600_000 }, async () => {
      await using directory = await temporaryDirectory();
      await using test = await openVolumeTest([`${directory.path}/allowed`]);
      await using attack = await startAttack(test, directory.path);
      const outcome: Outcome = { inside: 0, outside: 0, refused: 0 };
      // Forty tell the rate; more only if luck would have it that none of them did.
      await repeat(40, () => createNaively(test, attack.path, attack.prefix, outcome));
      for (let more = 0; more < 10 && outcome.outside === 0; more += 1) {
        await repeat(20, () => createNaively(test, attack.path, attack.prefix, outcome));
      }
      console.log('paths that are checked and handed over:', outcome);
      expect(outcome.outside).toBeGreaterThan(0);
    });
  },
);
