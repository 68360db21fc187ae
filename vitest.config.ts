import { defineConfig } from "vitest/config";
import { thpcheckPlugin } from "./checker/program/vitest-plugin.ts";

export default defineConfig({
  plugins: [thpcheckPlugin()],
  test: {
    include: ["test/**/*.test.ts"],
    // Worker threads of a search outlive a test that times out; a process of its own per file ends them with it.
    pool: "forks",
    testTimeout: 30_000,
  },
});
