/** `thpcheck spec-coverage`: the transitions of the specification's machines that no scenario of the kernel takes. */
import { Option } from "commander";
import type { ExtraCommand } from "thpcheck";
import type { SpecCoverageFlags } from "../refinement/spec-coverage.ts";

export const specCoverage: ExtraCommand = {
  name: "spec-coverage",
  description: "which transitions of the machines the scenarios of the kernel take, and which none does",
  register: (command) => command
    .addOption(new Option("--tier <tier>", "scenarios of this tier and of those below it").choices(["quick", "full", "nightly"]).default("full"))
    .option("--from <file>", "what \"check --tier full --out\" has written, in place of checking again")
    .option("--json", "the table as JSON")
    .addHelpText("after", `
A transition that no scenario takes needs a reason in test/refinement/untaken.ts; a reason for one that is taken is as
wrong as none. Exit code 1 if either happens, or if a machine has fewer than 90 of 100 transitions taken.

Examples:
  npx thpcheck spec-coverage
  npx thpcheck spec-coverage --from results.json    after: npx thpcheck check --tier full --out results.json`)
    .action(async (flags: SpecCoverageFlags) => {
      const { runSpecCoverage } = await import("../refinement/spec-coverage.ts");
      await runSpecCoverage(flags);
    }),
};
