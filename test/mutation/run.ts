/** Tries a sample of mutants, two at a time, and keeps what is known of each at once. */
import type { Journal } from "./journal.ts";
import type { Mutant, OperatorName } from "./mutant.ts";
import type { Trial } from "./try-mutant.ts";

export interface Tried {
  readonly mutant: Mutant;
  readonly trial: Trial;
}

/** How a mutant is tried, by which of those that work at a time; null: it was interrupted, and nothing is known. */
export type Try = (mutant: Mutant, runner: number) => Promise<Trial | null>;

/**
 * The first `quotas` of each operator that compile, in rank order. Those that do not are in the result as well. The set
 * depends on ranks and trials alone, not on which of the two was ready first.
 */
export async function trySample(ranked: ReadonlyMap<OperatorName, readonly Mutant[]>, quotas: ReadonlyMap<OperatorName, number>, atATime: number, attempt: Try, journal: Journal, report: (t: Tried) => void): Promise<Tried[]> {
  const tried: Tried[] = [];
  const waiting: Mutant[] = [];
  const next = new Map<OperatorName, number>();
  const take = (operator: OperatorName): void => {
    const i = next.get(operator) ?? 0;
    next.set(operator, i + 1);
    const mutant = ranked.get(operator)![i];
    if (mutant !== undefined) waiting.push(mutant);
  };
  for (const [operator, n] of quotas) for (let i = 0; i < n; i++) take(operator);
  let interrupted = false;
  const one = async (runner: number): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined && !interrupted; mutant = waiting.shift()) {
      const known = journal.get(mutant.id);
      const trial = known ?? (await attempt(mutant, runner));
      if (trial === null) {
        interrupted = true;
        return;
      }
      if (known === null) journal.add(trial);
      tried.push({ mutant, trial });
      report({ mutant, trial });
      if (trial.verdict === "invalid") take(mutant.operator);
    }
  };
  // A runner that has nothing to do while the other's last mutant turns out not to compile leaves its successor to the other.
  await Promise.all(Array.from({ length: atATime }, (_, runner) => one(runner)));
  return tried;
}
