import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const blessedShim = fileURLToPath(new URL("../src/components/charts/blessed-shim.cjs", import.meta.url));

/** Three kinds: `unit` needs nothing, `integration` needs root and the real kernel, `e2e` drives bin/gantry in a terminal. */
export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  resolve: { alias: { blessed: blessedShim } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/{engine,src,contract,regression}/**/*.test.{ts,tsx}"],
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], fileParallelism: false, testTimeout: 90_000 },
      },
    ],
  },
});
