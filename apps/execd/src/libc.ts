import { constants } from 'node:os';

/**
 * The functions of the C library that the runtime does not offer. The library is opened at the first call: it
 * costs 2 MB and a fraction of a millisecond, which an agent that needs none of this never pays.
 */
const FUNCTIONS = {
  fallocate: { args: ['i32', 'i32', 'i64', 'i64'], returns: 'i32' },
  mkfifo: { args: ['cstring', 'u32'], returns: 'i32' },
  ioctl: { args: ['i32', 'i64', 'ptr'], returns: 'i32' },
  poll: { args: ['ptr', 'i64', 'i32'], returns: 'i32' },
  waitpid: { args: ['i32', 'ptr', 'i32'], returns: 'i32' },
  mount: { args: ['ptr', 'cstring', 'ptr', 'i64', 'ptr'], returns: 'i32' },
  prctl: { args: ['i32', 'i64', 'i64', 'i64', 'i64'], returns: 'i32' },
  flistxattr: { args: ['i32', 'ptr', 'i64'], returns: 'i64' },
  fgetxattr: { args: ['i32', 'cstring', 'ptr', 'i64'], returns: 'i64' },
  fsetxattr: { args: ['i32', 'cstring', 'ptr', 'i64', 'i32'], returns: 'i32' },
  fremovexattr: { args: ['i32', 'cstring'], returns: 'i32' },
  syscall: { args: ['i64', 'i64', 'i64', 'ptr'], returns: 'i64' },
} as const satisfies Record<string, Signature>;

/** Tells where the calling thread finds the number of its last error. */
const ERROR_LOCATION = '__errno_location';

interface Signature {
  readonly args: readonly (keyof ArgumentTypes)[];
  readonly returns: 'i32' | 'i64';
}

interface ArgumentTypes {
  /** Bytes that end with a zero. */
  readonly cstring: Uint8Array;
  readonly ptr: Uint8Array | null;
  readonly i32: number;
  readonly u32: number;
  readonly i64: number | bigint;
}

type FunctionName = keyof typeof FUNCTIONS;
type Arguments<Names extends readonly (keyof ArgumentTypes)[]> = {
  -readonly [Index in keyof Names]: ArgumentTypes[Names[Index]];
};

interface ForeignFunctions {
  dlopen(
    library: string,
    functions: Readonly<Record<string, { readonly args: readonly string[]; readonly returns: string }>>,
  ): { readonly symbols: Readonly<Record<string, (...values: readonly unknown[]) => unknown>> };
  ptr(bytes: Uint8Array): number;
  toArrayBuffer(pointer: unknown, offset: number, bytes: number): ArrayBuffer;
}

interface Library {
  readonly foreign: ForeignFunctions;
  readonly symbols: Readonly<Record<string, (...values: readonly unknown[]) => unknown>>;
}

let opened: Library | undefined;

function library(): Library {
  if (opened !== undefined) return opened;
  // Not imported: the sources are also read by runtimes that do not have it.
  const foreign = process.getBuiltinModule('bun:ffi') as unknown as ForeignFunctions | undefined;
  if (foreign === undefined) throw new Error('the C library can only be called under Bun');
  const functions = { ...FUNCTIONS, [ERROR_LOCATION]: { args: [], returns: 'ptr' } };
  opened = { foreign, symbols: foreign.dlopen('libc.so.6', functions).symbols };
  return opened;
}

/** Calls a function of the C library. Throws what the system says when it returns -1. */
export function callLibc<Name extends FunctionName>(
  name: Name,
  ...values: Arguments<(typeof FUNCTIONS)[Name]['args']>
): number {
  const { symbols } = library();
  const result = Number(symbols[name]?.(...values));
  if (result === -1) throw systemError(name);
  return result;
}

/** A path or another text as the C library reads it. */
export function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

/** Where the bytes are, for a structure that points at them. They must be kept as long as it is used. */
export function addressOf(bytes: Uint8Array): bigint {
  return BigInt(library().foreign.ptr(bytes));
}

function systemError(name: string): Error {
  const { foreign, symbols } = library();
  const [number] = new Int32Array(foreign.toArrayBuffer(symbols[ERROR_LOCATION]?.(), 0, 4));
  const code = Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? 'EIO';
  return Object.assign(new Error(`${code}: ${name}`), { code, errno: number, syscall: name });
}
