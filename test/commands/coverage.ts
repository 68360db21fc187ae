/** `thpcheck coverage`: the lines of the kernel that neither scenarios nor functional tests reach. */
import { Option } from "commander";
import type { ExtraCommand } from "thpcheck";
import type { CoverageFlags } from "../coverage/report.ts";

export const coverage: ExtraCommand = {
  name: "coverage",
  description: "run scenarios and functional tests of the kernel, list the lines of impl/ that none of them reaches",
  register: (command) => command
    .addOption(new Option("--tier <tier>", "scenarios of this tier and of those below it").choices(["quick", "full", "nightly"]).default("quick"))
    .option("--all", "run every scenario, also when nothing is unreached any more: shows reasons that have become stale")
    .option("--json", "the result as JSON")
    .option("--keep <file>", "keep what was measured, for \"scan-results --from\"")
    .addHelpText("after", `
Runs the functional tests of test/impl/ and the scenarios of test/scenarios/ and test/bugs/scenarios/ with a counter in
each basic block, and lists the lines of impl/ that were never reached. Each needs a reason in test/coverage/unreached.ts;
a reason for a line that is reached, or is gone, is as wrong as none. Exit code 1 if either happens. Scenarios are run only
as long as something is unreached, those of test/coverage/order.ts first. Prints the lines of each file, too, and how many
of the exits with an error (a negative errno, a scan result that is no success, a fault that failed) were taken.

Examples:
  npx thpcheck coverage                          a minute and a half
  npx thpcheck coverage --all                    every scenario: five minutes
  npx thpcheck coverage --keep measured.json     and then: npx thpcheck scan-results --from measured.json
  npx thpcheck check NAME --coverage             what one scenario reaches`)
    .action(async (flags: CoverageFlags) => {
      const { runCoverage } = await import("../coverage/report.ts");
      await runCoverage(flags);
    }),
};
