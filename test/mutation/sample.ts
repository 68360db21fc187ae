/**
 * Which mutants are tried: so many of each operator, chosen by a seed.
 *
 * Each mutant has a rank that its id and the seed decide alone, so a change of the kernel moves only the mutants that it
 * touches in or out of the sample. What turns out not to compile is replaced by the operator's next in rank.
 */
import { createHash } from "node:crypto";
import { OPERATORS, type Mutant, type OperatorName } from "./mutant.ts";

/** The seed of the sample that the written reasons are about. */
export const PINNED_SEED = 14;
export const PINNED_SIZE = 100;

/** Of a hundred. The first six are the faults that this code has had most; the others see to it that nothing is spared. */
export const MIX: Readonly<Record<OperatorName, number>> = {
  "drop-lock-pair": 12, "drop-recheck": 14, "drop-flush": 8, "move-across-lock": 12, "off-by-one": 10, "skip-counter": 10,
  "drop-reference": 8, "drop-refusal": 8, "drop-condition": 6, "skip-store": 6, "skip-call": 4, "swap-steps": 2,
};

/** How many of each operator a sample of `size` has: the mix by largest remainder. */
export function quotas(size: number): ReadonlyMap<OperatorName, number> {
  const exact = OPERATORS.map((operator) => ({ operator, share: (MIX[operator] * size) / 100 }));
  const whole = new Map(exact.map(({ operator, share }) => [operator, Math.floor(share)]));
  const left = size - [...whole.values()].reduce((a, b) => a + b, 0);
  const byRemainder = [...exact].sort((a, b) => b.share % 1 - a.share % 1 || MIX[b.operator] - MIX[a.operator]);
  for (const { operator } of byRemainder.slice(0, left)) whole.set(operator, whole.get(operator)! + 1);
  return whole;
}

/** The mutants of each operator by rank: the first of them are the sample, the others stand in for what does not compile. */
export function ranked(mutants: readonly Mutant[], seed: number): ReadonlyMap<OperatorName, readonly Mutant[]> {
  const rank = new Map(mutants.map((m) => [m.id, createHash("sha256").update(`${seed} ${m.id}`).digest("hex")]));
  const before = (a: Mutant, b: Mutant): number => (rank.get(a.id)! < rank.get(b.id)! ? -1 : 1);
  return new Map(OPERATORS.map((operator) => [operator, mutants.filter((m) => m.operator === operator).sort(before)]));
}
