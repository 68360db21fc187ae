/** A program that contains every routine of the kernel: to be compiled and looked at, not to be run. */
import { holds, type ProgramScenario, type Routine, type World } from "thpcheck";
import { gupFast, pfnScanner, dumpPageTables } from "../../impl/gup.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { khugepaged } from "../../impl/khugepaged.ts";
import { kernelConfig } from "../../impl/config/options.ts";
import { dispatch, sequentialStructs } from "../../impl/entry/sequential.ts";

const config = kernelConfig({ pagesPerHugePage: 2, hugeRanges: 2, frames: 12, mms: 2, cpus: 6 });
const structs = sequentialStructs(config);
type K = World<typeof structs>;

function* walkers(k: K): Routine {
  yield* gupFast(k, 0, 0, 0);
  yield* pfnScanner(k, 0);
  yield* dumpPageTables(k, 0);
}

/** System calls, the threads of the kernel, and the actors that walk page tables without locks. */
export const everyRoutine: ProgramScenario = {
  name: "every-routine", why: "what labels there are", tier: "quick", config, structs,
  threads: [
    { name: "system calls", run: dispatch },
    { name: "khugepaged", run: khugepaged, daemon: true },
    { name: "shrinker", run: deferredSplitScan },
    { name: "walkers", run: walkers },
  ],
  expect: holds(),
} as unknown as ProgramScenario;
