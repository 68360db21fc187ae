/** `thpcheck mutate`: changes the kernel in one place after the other, and asks whether a promise breaks. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InvalidArgumentError, Option } from "commander";
import type { ExtraCommand } from "thpcheck";
import { positiveInteger, positiveSeconds, seed } from "../../checker/cli/options.ts";
import type { MutateFlags } from "../mutation/report.ts";
import { PINNED_SEED, PINNED_SIZE } from "../mutation/sample.ts";

const CACHE = join(fileURLToPath(new URL("../../", import.meta.url)), "node_modules", ".cache", "thpcheck-mutate");

export const mutate: ExtraCommand = {
  name: "mutate",
  description: "break the kernel in single places, a sample of them, and count how often a promise notices",
  register: (command) => command
    .argument("[id...]", "mutants by id; none: the sample")
    .option("--seed <n>", "seed of the sample", seed, PINNED_SEED)
    .option("--sample <n>", "mutants in the sample", positiveInteger, PINNED_SIZE)
    .option("--threshold <percent>", "least share of killed mutants, of those that are not equivalent", percent, 85)
    .addOption(new Option("--tier <tier>", "scenarios of this tier and of those below it, and those of the bugs").choices(["quick", "full", "nightly"]).default("quick"))
    .option("--budget <seconds>", "processor time for one mutant, over all scenarios", positiveSeconds, 60)
    .option("--jobs <n>", "mutants at a time", positiveInteger, 2)
    .option("--cache <folder>", "where measurements and trials are kept", CACHE)
    .option("--list", "print the sample, and try nothing")
    .option("--show <id>", "print one mutant as a unified diff, for \"check --patch\"")
    .option("--json", "the result as JSON")
    .addHelpText("after", `
A mutant is impl/ with one change: a lock not taken, a second look left out, a flush or a count forgotten, a statement on
the wrong side of an unlock, a bound off by one... (test/mutation/operators/). It is killed if a promise with a name breaks
in a scenario that holds otherwise, or a witness is not reached any more. A changed number of states kills nothing, nor does
a crash, a time-out, or a program that does not compile; the last are replaced by others.

Survivors need a reason in test/mutation/survivors.ts; those that change nothing, an argument in equivalent.ts. Exit code 1
if the score is below the threshold, a survivor has no reason, or a reason is about a mutant that is killed.
An interrupted run goes on where it was.

Examples:
  npx thpcheck mutate                                  the pinned sample; about ten minutes on two idle cores
  npx thpcheck mutate --seed 7 --sample 20             another one
  npx thpcheck mutate --list                           what would be tried
  npx thpcheck mutate --show ID > idea.patch           and then: npx thpcheck check 'collapse-*' --patch idea.patch`)
    .action(async (ids: string[], flags: MutateFlags) => {
      const { runMutate } = await import("../mutation/report.ts");
      await runMutate(ids, flags);
    }),
};

function percent(text: string): number {
  const n = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || n > 100) throw new InvalidArgumentError("It must be a number from 0 to 100.");
  return n;
}
