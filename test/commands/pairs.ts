/** `thpcheck pairs`: every operation beside every other and beside every actor, on every kind of memory. */
import type { ExtraCommand } from "thpcheck";
import { positiveInteger, seed } from "../../checker/cli/options.ts";
import type { PairsFlags } from "../pairs/main.ts";

export const pairs: ExtraCommand = {
  name: "pairs",
  description: "every operation beside every other and beside every actor in the background, on every kind of memory",
  register: (command) => command
    .option("--only <cell>", "one cell, FIRST+SECOND@MEMORY, with its trace; or a glob of cells")
    .option("--operation <name...>", "cells with one of these operations, or globs of them")
    .option("--memory <kind...>", "cells on these kinds of memory")
    .option("--quick", "one shape of each call, and nobody who holds a reference: a minute on two cores")
    .option("--list", "a line for each cell in place of the table")
    .option("--full", "show traces with every step, every field and every local")
    .option("--patch <file>", "load the program with this unified diff applied in memory")
    .option("--workers <n>", "processes that work side by side; the results are the same for any number", positiveInteger)
    .option("--max-states <n>", "give up a cell after so many states: it is then incomplete", positiveInteger)
    .option("--seed <n>", "seed of the fingerprints", seed, 0)
    .option("--json", "the result as JSON")
    .option("--out <file>", "write the result as JSON to a file")
    .addHelpText("after", `
The operations are the calls of impl/entry/calls.ts, in the shapes that make a difference, and actors: reclaim of lazyfree
pages, the shrinkers, a split by request, a scanner of frames, a dump of the page tables, loads and stores through a cached
translation, a reference that comes and goes. With "+reference" or "+pin", a third thread drops a reference, or a pin, that
it has when the two begin. Every cell must hold but for those of test/pairs/expected.ts. A cell is covered if in some run
both do what they are for and one steps inside the other. Exit code 1 if a cell is not as expected.

Examples:
  npx thpcheck pairs                                            all cells, ten minutes on two cores
  npx thpcheck pairs --quick
  npx thpcheck pairs --operation fork 'mremap-*' --memory huge moved
  npx thpcheck pairs --only 'munmap-second+fork+pin@huge'       one cell; if it breaks a promise, the trace
  npx thpcheck pairs --quick --patch idea.patch                 what would an idea break?`)
    .action(async (flags: PairsFlags) => {
      const { runPairsCommand } = await import("../pairs/main.ts");
      await runPairsCommand(flags);
    }),
};
