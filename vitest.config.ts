import { defineConfig } from 'vitest/config';

const common = {
  // Far above what any test takes, guests without hardware virtualisation too: two busy cores must not fail one.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 60_000 } },
  // Told by tests/support/second-tries.ts. At home a test that is not steady shall be seen at once.
  retry: process.env['CI'] ? 1 : 0,
  globalSetup: ['tests/support/postgres-template.ts'],
};

/** Engines over simulated hosts, in one process: many of them, which want no machine for themselves. */
const engine = 'tests/engine/**/*.test.ts';

/** Tests of parts stand beside their sources; those of the whole cloud are in `tests`, and want the machine for themselves. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'parts',
          include: ['{src,guest,bench}/**/*.test.ts', engine],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: 'whole',
          include: ['tests/**/*.test.ts'],
          exclude: [engine],
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
