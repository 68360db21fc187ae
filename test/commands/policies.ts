/** `thpcheck policies`: what becomes of each scenario of reservations under each policy. */
import type { ExtraCommand } from "thpcheck";
import { positiveSeconds } from "../../checker/cli/options.ts";
import type { PoliciesFlags } from "../policies/report.ts";

export const policies: ExtraCommand = {
  name: "policies",
  description: "the table of THP reservation policies and scenarios: verdict, states, and the trace of each violation",
  register: (command) => command
    .argument("[scenario...]", "scenarios by name, without a policy, or globs; none: all of the quick and full tiers")
    .option("--policy <name...>", "these policies only; none: those that each scenario lists")
    .option("--all", "every policy, whether the scenario lists it or not")
    .option("--time <seconds>", "give up a search after so many seconds", positiveSeconds, 60)
    .option("--json", "the table as JSON")
    .option("--report <dir>", "write an index and a page for each violation, to look at in a browser")
    .option("--traces", "how many lines the trace of each violation takes; exit code 1 if one is too long to be read")
    .addHelpText("after", `
A policy decides when to reserve, promote and give back (impl/policy/); rfc-2018 is the patch of 2018 with its defects.
A cell is the number of states, if everything holds, or the promise that is violated; the traces follow the table.
Exit code 1 if a scenario does not end as it says it must.

Examples:
  npx thpcheck policies                                        about a minute
  npx thpcheck policies 'reservation-fork-*' --all             all policies after a fork
  npx thpcheck policies --traces                               how long their traces are
  npx thpcheck policies --policy gorman-2018 rfc-2018 --json
  npx thpcheck check reservation-pin --policy per-mm           one cell, with its trace`)
    .action(async (patterns: string[], flags: PoliciesFlags) => {
      const { runPolicies } = await import("../policies/report.ts");
      await runPolicies(patterns, flags);
    }),
};
