/** `thpcheck conform`: the implementation against the Linux that runs underneath. */
import type { ExtraCommand } from "thpcheck";
import type { ConformFlags } from "../conformance/conform.ts";
import { InvalidArgumentError } from "commander";

function count(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

export const conform: ExtraCommand = {
  name: "conform",
  description: "run programs of system calls on this machine's Linux and on impl/, compare all that can be seen",
  register: (command) => command
    .option("--programs <n>", "random programs", count, 200)
    .option("--seed <n>", "of the random programs", count, 1)
    .option("--program <file>", "only this one: a file as a disagreement prints it")
    .option("--show", "with --program: print what was observed after each step on both sides")
    .option("--record", "run the hand-written programs here and keep what this kernel says in test/conformance/recordings/")
    .addHelpText("after", `
The hand-written programs of test/conformance/cases/, random ones, and what was recorded on other kernels. It takes root
and a C compiler; where they or huge pages are missing it says SKIP, and why, and compares the recordings alone. The
knobs of /sys/kernel/mm/transparent_hugepage are changed meanwhile, and set back whatever happens.

Examples:
  npx thpcheck conform                                 under three minutes
  npx thpcheck conform --programs 2000 --seed 7
  npx thpcheck conform --program p.json                one program again
  npx thpcheck conform --program p.json --show         and what Linux and impl/ say after each step

Exit codes: 0 all agree, or skipped; 1 a disagreement.`)
    .action(async (flags: ConformFlags) => {
      const { runConform } = await import("../conformance/conform.ts");
      await runConform(flags);
    }),
};
