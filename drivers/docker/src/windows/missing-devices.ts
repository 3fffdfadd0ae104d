import type { EngineFacts } from '../engine-facts.ts';
import { WINDOWS_DEVICES } from './windows.ts';

export interface DeviceLook {
  readonly facts: EngineFacts;
  /** Whether the files of this machine are those of the engine's host, as far as the connection tells. */
  readonly isSameMachine: boolean;
  readonly exists: (path: string) => boolean;
}

/** An engine of a desktop product answers on a socket of this machine, but runs in a virtual one. */
const ELSEWHERE = /docker desktop/i;

/** The devices of a virtual machine that the engine's host lacks. Empty when they cannot be seen from here. */
export async function findMissingDevices(look: DeviceLook, signal: AbortSignal): Promise<readonly string[]> {
  if (!look.isSameMachine) return [];
  const info = await look.facts.get(signal);
  if (ELSEWHERE.test(info?.OperatingSystem ?? '')) return [];
  return WINDOWS_DEVICES.filter((path) => !look.exists(path));
}
