/**
 * Kubernetes quantities and the laxer spellings in use beside them: decimals, exponents, decimal and binary
 * units in any case, a `B` after the unit, spaces around it (`1.5Gi`, `1e3`, `512 mb`, `1GiB`).
 *
 * One reading is not Kubernetes': of memory, `m` is a million bytes, as with Docker, not a thousandth of one;
 * of CPUs, `M` is a thousandth like `m`.
 */

type Fraction = readonly [numerator: bigint, denominator: bigint];

const PATTERN = /^([+-]?)(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,2})(?![\d.])|\s*([a-z]{0,3}))$/i;
const LONGEST = 64;
const THOUSANDS = ['k', 'm', 'g', 't', 'p', 'e'];

const SUB_UNITS: readonly (readonly [string, Fraction])[] = [
  ['n', [1n, 1_000_000_000n]],
  ['u', [1n, 1_000_000n]],
];

const MEMORY_UNITS: ReadonlyMap<string, Fraction> = new Map([
  ['', [1n, 1n]],
  ['b', [1n, 1n]],
  ...SUB_UNITS,
  ...THOUSANDS.flatMap((unit, index): [string, Fraction][] => {
    const decimal: Fraction = [1000n ** BigInt(index + 1), 1n];
    const binary: Fraction = [1024n ** BigInt(index + 1), 1n];
    return [
      [unit, decimal],
      [`${unit}b`, decimal],
      [`${unit}i`, binary],
      [`${unit}ib`, binary],
    ];
  }),
]);

const CPU_UNITS: ReadonlyMap<string, Fraction> = new Map([
  ...[...MEMORY_UNITS].filter(([unit]) => !unit.endsWith('b')),
  ['m', [1n, 1000n]],
]);

const LARGEST_MEMORY = 2n ** 63n - 1n;

/** Whole bytes, rounded up; 0 when no limit is meant; undefined when it is no amount of memory. */
export function parseMemoryBytes(text: string): number | undefined {
  const bytes = scaled(text, MEMORY_UNITS, 1n);
  if (bytes === undefined || bytes > LARGEST_MEMORY) return undefined;
  const value = Number(bytes);
  return value < 2 ** 63 ? value : undefined;
}

/** Thousandths of a CPU, rounded up; 0 when no limit is meant; undefined when it is no number of CPUs. */
export function parseCpuMillis(text: string): number | undefined {
  const millis = scaled(text, CPU_UNITS, 1000n);
  return millis === undefined || millis > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(millis);
}

/** A whole number of devices or `all`; undefined when it is neither. */
export function parseGpus(text: string): number | 'all' | undefined {
  const word = text.trim().toLowerCase();
  if (word === 'all') return 'all';
  if (!/^\+?\d{1,9}$/.test(word)) return undefined;
  return Number(word);
}

function scaled(text: string, units: ReadonlyMap<string, Fraction>, scale: bigint): bigint | undefined {
  const match = text.length > LONGEST ? null : PATTERN.exec(text.trim());
  if (match === null) return undefined;
  const [, sign, digits = '', exponent, unit = ''] = match;
  const factor = units.get(unit.toLowerCase());
  if (factor === undefined) return undefined;
  const [whole = '', fraction = ''] = digits.split('.');
  const power = Number(exponent ?? '0') - fraction.length;
  const [numerator, denominator] = tenTo(power);
  const top = BigInt(whole + fraction) * numerator * factor[0] * scale;
  const bottom = denominator * factor[1];
  if (sign === '-' && top !== 0n) return undefined;
  return (top + bottom - 1n) / bottom;
}

function tenTo(power: number): Fraction {
  return power < 0 ? [1n, 10n ** BigInt(-power)] : [10n ** BigInt(power), 1n];
}
