/** `thpcheck coverage`: the lines of the kernel that neither scenarios nor functional tests reach. */
import { Option } from "commander";
import type { ExtraCommand } from "thpcheck";
import type { CoverageFlags } from "../coverage/report.ts";

export const coverage: ExtraCommand = {
  name: "coverage",
  description: "run scenarios and functional tests of the kernel, list the lines of impl/ that none of them reaches",
  register: (command) => command
    .addOption(new Option("--tier <tier>", "scenarios of this tier and of those below it").choices(["quick", "full", "nightly"]).default("quick"))
    .option("--json", "the result as JSON")
    .option("--keep <file>", "keep what was measured, for \"scan-results --from\"")
    .addHelpText("after", `
Runs the scenarios of test/scenarios/ and the functional tests of test/impl/ with a counter in each basic block, adds up
the counts, and lists the lines of impl/ that were never reached. Each needs a reason in test/coverage/unreached.ts; a
reason for a line that is reached, or is gone, is as wrong as none. Exit code 1 if either happens.

Examples:
  npx thpcheck coverage                          about two minutes
  npx thpcheck coverage --keep measured.json     and then: npx thpcheck scan-results --from measured.json
  npx thpcheck check NAME --coverage             what one scenario reaches`)
    .action(async (flags: CoverageFlags) => {
      const { runCoverage } = await import("../coverage/report.ts");
      await runCoverage(flags);
    }),
};
