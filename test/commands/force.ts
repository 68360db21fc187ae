/** `thpcheck force`: the checker's interleavings on a real kernel. */
import { availableParallelism } from "node:os";
import type { ExtraCommand } from "thpcheck";
import { positiveInteger } from "../../checker/cli/options.ts";
import type { ForceFlags } from "../force/flags.ts";

export const force: ExtraCommand = {
  name: "force",
  description: "make two calls of a real kernel take an order, and compare what comes of it with all orders in the checker",
  register: (command) => command
    .argument("[pair...]", "names of pairs, or globs: 'collapse+*'; none: all; or one trace, as 'replay' takes it")
    .option("--kernel <release>", "boot this kernel in QEMU: a release, all that lie here, or the path of a vmlinuz")
    .option("--schedule <segments>", "one order of one pair, such as 'A:collapse_huge_page B:end A:end'")
    .option("--anchors", "where the two calls can be held on this kernel; without --kernel: the recorded tables of all anchors")
    .option("--least <n>", "schedules of a pair: with three switches, too, until there are so many", positiveInteger, 72)
    .option("--guests <n>", "guests side by side, each with pairs of its own", positiveInteger, Math.min(4, availableParallelism()))
    .option("--show", "what became of each schedule, as it is run")
    .option("--record", "keep what this kernel shows in test/force/recordings/")
    .option("--traces", "in place of pairs: runs of scenarios, test/force/traced/traces.ts; the arguments are names of scenarios")
    .option("--witness <name>", "in place of pairs: the way to what a scenario shows; the argument is the scenario's name")
    .option("--scenario <name>", "which trace of a file of results")
    .option("--from <file>", "the module of the trace's scenario, where thpcheck.config.ts does not list it")
    .option("--recorded", "compare the recordings alone (default without --kernel)")
    .addHelpText("after", `
Two threads of one process, A and B, make one call each. QEMU's debugger holds them at functions that they enter, and behind
writes to page-table entries, so that they take the order that a schedule names. The kernel is as it was built. Every
outcome (returns, areas, pages and what they hold, counters, statuses of the tracepoints) must be one that the checker
reaches in some interleaving of the same two calls; outcomes of the checker that no schedule shows are listed as not seen.

A trace of the checker, or with --witness the way to what a scenario shows, is forced in the order that it says: the kernel
confirms it, refutes it, or cannot be held there.

A segment is A or B, and where it goes to: a function of the kernel, write@pmd:0 or write@pte:PAGE, each with #N for the
N-th time; "return": between two calls; or "end". What waits for the other gives its turn away.
Traces may be of three threads, A, B and C, on three processors.

Examples:
  npx thpcheck force                                                        compare the recordings
  npx thpcheck force --kernel 7.3.4                                         all pairs, in a guest
  npx thpcheck force 'collapse+store@hole' --kernel 6.18.15 --anchors
  npx thpcheck force --anchors                                              which steps of impl/ are anchors, by release
  npx thpcheck force 'collapse+store@hole' --kernel 6.18.15 --schedule 'A:collapse_huge_page B:end A:end'
  npx thpcheck force run.json --kernel 6.18.15                              the counterexample of "check --out run.json"
  npx thpcheck force lazyfree-collapse --witness collapsed --kernel 7.3.4
  npx thpcheck force --traces --kernel 7.3.4                                the runs of test/force/traced/traces.ts

Exit codes: 0 all outcomes are the checker's, a trace is confirmed, or skipped; 1 one is not; 3 stopped, or not realised.`)
    .action(async (pairs: readonly string[], flags: ForceFlags) => {
      const { runForce } = await import("../force/force.ts");
      await runForce(pairs, flags);
    }),
};
