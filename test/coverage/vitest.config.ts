/** The functional tests of the kernel with counters in every program they compile; see `measure.ts`. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { thpcheckPlugin } from "../../checker/program/vitest-plugin.ts";

export default defineConfig({
  plugins: [thpcheckPlugin()],
  root: fileURLToPath(new URL("../../", import.meta.url)),
  test: {
    include: ["test/impl/**/*.test.ts"],
    setupFiles: [fileURLToPath(new URL("./record.ts", import.meta.url))],
    pool: "forks",
    // Counting takes time.
    testTimeout: 120_000,
  },
});
