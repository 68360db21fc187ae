/** `thpcheck steps`: where each atomic step of the kernel's operations is in `impl/`. */
import type { ExtraCommand } from "thpcheck";

export const steps: ExtraCommand = {
  name: "steps",
  description: "the atomic steps of faults, collapse, split, gup-fast and zap, and the yield that stands for each",
  register: (command) => command
    .option("--json", "the table as JSON")
    .addHelpText("after", `
Each step is a yield of a routine ("routine: label", as traces print it), or part of another step, with the reason why
that hides no schedule, or it is not modelled. The labels are compared with the compiled kernel: exit code 1 if one of
them does not exist. The table is test/coverage/steps.ts.

Examples:
  npx thpcheck steps
  npx thpcheck steps --json`)
    .action(async (flags: { readonly json?: boolean }) => {
      const { runSteps } = await import("../coverage/print-steps.ts");
      runSteps(flags);
    }),
};
