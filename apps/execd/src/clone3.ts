import { installFilter } from './install-filter.ts';

/*
 * Some hosts answer the system call clone3 with an error that the C library of newer images takes for final, so that
 * threads cannot be started there. Where the kernel says that it has no such call, every C library uses the older one.
 */

export type Clone3Compat = 'off' | 'install' | 'reexec';

const MEANINGS: Readonly<Record<string, Clone3Compat>> = {
  '': 'off',
  '0': 'off',
  false: 'off',
  off: 'off',
  no: 'off',
  '1': 'install',
  true: 'install',
  yes: 'install',
  on: 'install',
  reexec: 'reexec',
};
const VARIABLE = 'EXECD_CLONE3_COMPAT';
/** Says to the agent that was started in place of itself that the filter is there. */
const APPLIED = '_EXECD_CLONE3_COMPAT_APPLIED';

/** What the environment asks for; undefined when it cannot be understood. */
export function parseClone3Compat(
  environment: Readonly<Record<string, string | undefined>>,
): Clone3Compat | undefined {
  const value = (environment[VARIABLE] ?? '').trim().toLowerCase();
  const meaning = Object.hasOwn(MEANINGS, value) ? MEANINGS[value] : undefined;
  return meaning === 'reexec' && environment[APPLIED] === '1' ? 'off' : meaning;
}

const CLONE3 = 435;
/** The bit by which one kind of programs on x64 marks its calls. */
const X32_BIT = 0x40000000;
const ENOSYS = 38;
/** Instructions of the kernel's filters: load a word, and, jump if equal, return. */
const LOAD = 0x20;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const ERROR = 0x00050000;

/** A filter in the kernel's form. The call has the same number for all processors, so theirs is not asked. */
export function clone3Filter(): Uint8Array {
  const instructions = [
    [LOAD, 0, 0, 0], // the number of the call
    [AND, 0, 0, ~X32_BIT >>> 0],
    [JUMP_EQUAL, 0, 1, CLONE3],
    [RETURN, 0, 0, ERROR | ENOSYS],
    [RETURN, 0, 0, ALLOW],
  ] as const;
  const filter = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, ifTrue, ifFalse, operand]] of instructions.entries()) {
    filter.writeUInt16LE(code, index * 8);
    filter.writeUInt8(ifTrue, index * 8 + 2);
    filter.writeUInt8(ifFalse, index * 8 + 3);
    filter.writeUInt32LE(operand, index * 8 + 4);
  }
  return filter;
}

/** For this process with all its threads, and for all it will start. It cannot be undone. */
export function refuseClone3(): void {
  installFilter(clone3Filter());
}

export interface Clone3Control {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly refuse: () => void;
  /** Starts this program anew in place of itself; returns only when it could not. */
  readonly restart: (environment: Readonly<Record<string, string | undefined>>) => void;
}

/** Does what the environment asks for; returns what to say when it could not be done. */
export function applyClone3Compat(control: Clone3Control): string | undefined {
  const { environment } = control;
  const wanted = parseClone3Compat(environment);
  if (wanted === undefined) {
    const value = JSON.stringify(environment[VARIABLE]);
    return `${VARIABLE} is ${value}; it may be 0, false, off, no, 1, true, yes, on or reexec`;
  }
  if (wanted === 'off') return undefined;
  try {
    control.refuse();
    if (wanted === 'install') return undefined;
    control.restart({ ...environment, [APPLIED]: '1' });
    return `${VARIABLE}: this runtime cannot replace a process`;
  } catch (error) {
    return `${VARIABLE}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
