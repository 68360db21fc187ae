/** All mutants of the kernel: every operator, applied to every function. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isExcluded } from "./excluded.ts";
import { keyOf, mutantOf, type Mutant } from "./mutant.ts";
import { dropChecks, dropConditions, offByOne } from "./operators/checks.ts";
import { dropEffects } from "./operators/effects.ts";
import { dropLockPairs, moveAcrossLocks, swapSteps } from "./operators/locks.ts";
import type { Operator } from "./operators/operator.ts";
import { readModule, type Module } from "./program.ts";

const ALL: readonly Operator[] = [dropLockPairs, moveAcrossLocks, swapSteps, dropChecks, dropConditions, offByOne, dropEffects];

/** Of one module, in the order of its text. */
export function mutantsOfModule(module: Module): Mutant[] {
  return module.functions.flatMap((fn) => {
    const seen = new Map<string, number>();
    return ALL.flatMap((operator) => [...operator(module, fn)].map((change) => {
      const key = keyOf(module, fn, change);
      const ordinal = seen.get(key) ?? 0;
      seen.set(key, ordinal + 1);
      return mutantOf(module, fn, change, ordinal);
    }));
  });
}

/** Of all of `impl/` that is mutated. */
export function allMutants(root: string): Mutant[] {
  return globSync("impl/**/*.ts", { cwd: root }).sort()
    .flatMap((file) => mutantsOfModule(readModule(file, readFileSync(join(root, file), "utf8"))).filter((m) => !isExcluded(m.file, m.routine)));
}
