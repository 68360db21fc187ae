import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { thpcheckPlugin } from "./checker/vitest/plugin.ts";
import { LongestFirst } from "./test/longest-first.ts";

const root = import.meta.dirname;

/**
 * Tests that leave nothing behind in their process: their files share processes, because to load the kernel and the
 * compiler, and to warm them up, costs more than most files themselves (measured: 13 files took 49 s of CPU in a process
 * each, 23 s in shared ones). Any other file, a new one included, has a process of its own.
 */
const SHARING = [
  "test/impl/*.test.ts",
  "test/impl/selftests/*.test.ts",
  "test/refinement/*.test.ts",
  "test/spec/*.test.ts",
  "test/checker/{compile,program,sanitizer,refinement,report,trace}/**/*.test.ts",
];
/** These change the process that they run in: from then on it counts what runs, or lets garbage be collected on request. */
const CHANGE_THEIR_PROCESS = ["test/checker/compile/coverage.test.ts", "test/checker/compile/memory.test.ts"];
/** These only start a process that does the work: they gain nothing by sharing theirs, and are too long to come at the end. */
const START_ANOTHER = ["test/impl/lost-function.test.ts", "test/impl/*-faults.test.ts", "test/refinement/faults.test.ts"];

const sharing = globSync(SHARING, { cwd: root, exclude: [...CHANGE_THEIR_PROCESS, ...START_ANOTHER] });
const own = globSync("test/**/*.test.ts", { cwd: root, exclude: sharing });

// Reports are compared as text, and a hosted CI sets variables that switch colours on. Processes that tests start inherit this.
process.env["NO_COLOR"] = "1";
delete process.env["FORCE_COLOR"];
// Commands that tests start give a module time to load on a machine that is busy with other tests.
process.env["THPCHECK_LOAD_SECONDS"] ??= "300";
// What they compile is kept with this project, wherever they run.
process.env["THPCHECK_CACHE"] ??= `${root}/node_modules/.cache/thpcheck`;

export default defineConfig({
  plugins: [thpcheckPlugin()],
  test: {
    // Worker threads of a search outlive a test that times out; processes end them, at the latest with the run.
    pool: "forks",
    // By default one core is left out, which on two is half of them.
    maxWorkers: availableParallelism(),
    // Against what hangs, and no measure of speed: a busy machine is ten times slower than a quiet one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: "sharing a process", include: sharing, isolate: false } },
      { extends: true, test: { name: "own process", include: own } },
    ],
  },
});
