/** `thpcheck invariants`: in how many states each invariant was in force. */
import { Option } from "commander";
import type { ExtraCommand } from "thpcheck";
import type { InForceFlags } from "../spec/print-in-force.ts";

export const invariants: ExtraCommand = {
  name: "invariants",
  description: "in how many states of the kernel's scenarios each invariant was in force",
  register: (command) => {
    command
      .argument("[pattern...]", "names or globs of scenarios; none: all of the tier that are held to the invariants")
      .addOption(new Option("--tier <tier>", "scenarios of this tier and of those below it").choices(["quick", "full", "nightly"]).default("quick"))
      .option("--from <file>", "what \"check --out\" has written, in place of checking again; patterns do not count then")
      .option("--max-states <n>", "look at no more states of each scenario", "20000")
      .addHelpText("after", `
An invariant is suspended where it is excused: under the lock, or in the phase, that allows a thing to be half done. One
that no state holds to its word promises nothing, and makes the exit code 1.

Examples:
  npx thpcheck invariants                    some minutes
  npx thpcheck invariants --from results.json    after: npx thpcheck check --tier full --out results.json
  npx thpcheck invariants 'collapse-*' --max-states 1000`)
      .action(async (patterns: readonly string[], flags: InForceFlags) => {
        const { printInForce } = await import("../spec/print-in-force.ts");
        process.exitCode = await printInForce(patterns, flags);
      });
  },
};
