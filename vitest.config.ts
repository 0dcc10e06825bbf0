import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{model,training,service,infra,tests/bench}/**/*.test.ts"],
          // Loading the whole Pulumi SDK takes long on a busy machine.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["tests/integration/**/*.test.ts"],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["tests/e2e/**/*.test.ts"],
          // One cluster: its tests take turns, in any order.
          fileParallelism: false,
          globalSetup: "tests/e2e/down.ts",
          testTimeout: 1_800_000,
          hookTimeout: 1_800_000,
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["{model,training,service,infra}/**/*.ts"],
      exclude: ["**/*.test.ts"],
      reporter: ["text-summary", "html"],
      reportsDirectory: "coverage",
    },
  },
});
