import { defineConfig } from 'vitest/config';

const common = { environment: 'node' as const, restoreMocks: true };
/** Of the projects that start things: what a file leaves behind fails it. */
const leaks = {
  globalSetup: ['test/support/leaks/announce.ts'],
  setupFiles: ['test/support/leaks/setup.ts'],
};

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['{packages,drivers,apps}/*/src/**/*.test.ts', 'tools/**/*.test.ts'],
          // No test here waits for anything real; a machine that does much else is slow all the same.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          ...common,
          ...leaks,
          name: 'engine',
          include: ['{packages,drivers,apps}/*/test/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...common,
          ...leaks,
          name: 'system',
          include: ['test/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['{packages,drivers,apps}/*/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/fixtures/**'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
});
