/** `thpcheck bugs`: undoes fixes of the kernel one by one, and looks for the bug that each of them mended. */
import type { ExtraCommand } from "thpcheck";
import { constraints, positiveInteger, positiveSeconds, seed } from "../../checker/cli/options.ts";
import type { BugsFlags } from "../bugs/report.ts";

export const bugs: ExtraCommand = {
  name: "bugs",
  description: "undo real fixes one by one, and find the bug that each of them mended",
  register: (command) => command
    .argument("[id...]", "bugs by name; none: all")
    .option("--time <seconds>", "give up a search after so many seconds", positiveSeconds, 60)
    .option("--pct <walks>", "walk by PCT in place of the search, so many times at most", positiveInteger)
    .option("--pct-depth <d>", "ordering constraints that PCT looks for", constraints, 3)
    .option("--seed <n>", "seed of the walks", seed, 0)
    .option("--json", "the result as JSON")
    .option("--report <dir>", "write an index and a page for each bug that is found, to look at in a browser")
    .option("--traces", "how many lines the trace of each bug takes; exit code 1 if one is too long to be read")
    .addHelpText("after", `
Each bug is a patch test/bugs/ID.patch, which undoes one fix of Linux in impl/. Its header names the scenario that shows
the bug and the promise that must break. A bug counts as found only if exactly that promise is violated under the patch,
and the same scenario holds without it. Exit code 1 if one is missed or a patch does not apply any more.

Examples:
  npx thpcheck bugs                                           all, exhaustively
  npx thpcheck bugs gup-fast-vs-collapse-recheck              one, with its trace
  npx thpcheck bugs --report report                           a page with memory at each step, for each of them
  npx thpcheck bugs --traces                                  how long their traces are
  npx thpcheck bugs --pct 10000                               how often priorities alone find them
  npx thpcheck check SCENARIO --patch test/bugs/ID.patch      the same check by hand`)
    .action(async (ids: string[], flags: BugsFlags) => {
      const { runBugs } = await import("../bugs/report.ts");
      await runBugs(ids, flags);
    }),
};
