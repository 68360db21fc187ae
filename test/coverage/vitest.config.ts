/** The functional tests of the kernel with counters in every program they compile; see `functional-tests.ts`. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { thpcheckPlugin } from "../../checker/vitest/plugin.ts";

export default defineConfig({
  plugins: [thpcheckPlugin()],
  root: fileURLToPath(new URL("../../", import.meta.url)),
  test: {
    include: ["test/impl/**/*.test.ts"],
    setupFiles: [fileURLToPath(new URL("./record.ts", import.meta.url))],
    pool: "forks",
    // What costs most is to load modules, and to compile routines that are not warm yet: a process does it once for all its files.
    isolate: false,
    // Counting takes time; these are against what hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
