import type { FaultCode } from '@opensandbox/core/ports';
import { Fault } from '@opensandbox/base';
import type { VolumeSummary } from '../engine/answers.ts';
import { readLabel } from '../labels.ts';
import { LABEL } from '../names.ts';

/** Volumes of the platform itself: who writes into the agent's volume runs code in every sandbox. */
const RESERVED = [
  'opensandbox-agent-',
  'opensandbox-execd-',
  'opensandbox-windows-agent-',
  'opensandbox-runtime-',
  'opensandbox-win-oem-',
];

export function refuseReserved(name: string): void {
  if (RESERVED.some((prefix) => name.startsWith(prefix))) throw reserved(name);
}

export function refuseAuxiliary({ Name: name, Labels: labels }: VolumeSummary): void {
  if (readLabel(labels ?? {}, LABEL.auxiliary) !== undefined) throw reserved(name);
}

function reserved(name: string): Fault {
  return new Fault(
    'invalid',
    'parameter.invalid' satisfies FaultCode,
    `Volume '${name}' belongs to the server itself. Use another claimName.`,
  );
}
