/** Files whose tests share nothing: each of them has to leave the machine as it found it. */
const FILES: readonly string[] = [
  'test/chaos-deletes.test.ts',
  'test/chaos-rollback.test.ts',
  'test/chaos.test.ts',
  'test/support/leaks/fixture/each.ts',
];

export function isComparedAfterEachTest(path: string): boolean {
  return FILES.some((file) => path.endsWith(`/${file}`));
}
