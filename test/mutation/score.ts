/** From trials and written explanations to the score. */
import type { Explanation } from "./explained.ts";
import { OPERATORS, type OperatorName } from "./mutant.ts";
import type { Tried } from "./run.ts";

export interface Row {
  readonly operator: OperatorName;
  readonly killed: number;
  readonly survived: number;
  readonly equivalent: number;
  readonly invalid: number;
  /** Percent of those that are not equivalent; null where there are none. */
  readonly score: number | null;
}

interface Alive {
  readonly tried: Tried;
  /** Null: nothing is written about it. */
  readonly why: string | null;
}

export interface Judged {
  readonly rows: readonly Row[];
  readonly killed: number;
  readonly invalid: number;
  readonly survivors: readonly Alive[];
  readonly equivalents: readonly Alive[];
  readonly unexplained: readonly Tried[];
  /** Killed, though something is written that says they cannot be. */
  readonly wrong: readonly Tried[];
  /** Percent of the mutants that are not equivalent which were killed; null where there are none, which proves nothing. */
  readonly score: number | null;
}

export function judge(tried: readonly Tried[], equivalent: readonly Explanation[], survivors: readonly Explanation[]): Judged {
  const equals = new Map(equivalent.map((e) => [e.id, e.why]));
  const reasons = new Map(survivors.map((e) => [e.id, e.why]));
  const order = new Map(OPERATORS.map((o, i) => [o, i]));
  const sorted = [...tried].sort((a, b) => order.get(a.mutant.operator)! - order.get(b.mutant.operator)! || (a.mutant.id < b.mutant.id ? -1 : 1));
  const of = (verdict: Tried["trial"]["verdict"]): Tried[] => sorted.filter((t) => t.trial.verdict === verdict);
  const alive = of("survived");
  const isEquivalent = (t: Tried): boolean => equals.has(t.mutant.id);
  const killed = of("killed");
  const living = alive.filter((t) => !isEquivalent(t));
  const percent = (k: number, s: number): number | null => (k + s === 0 ? null : (100 * k) / (k + s));
  return {
    rows: OPERATORS.map((operator) => {
      const count = (list: readonly Tried[]): number => list.filter((t) => t.mutant.operator === operator).length;
      const [k, s] = [count(killed), count(living)];
      return { operator, killed: k, survived: s, equivalent: count(alive) - s, invalid: count(of("invalid")), score: percent(k, s) };
    }),
    killed: killed.length, invalid: of("invalid").length,
    survivors: living.map((t) => ({ tried: t, why: reasons.get(t.mutant.id) ?? null })),
    equivalents: alive.filter(isEquivalent).map((t) => ({ tried: t, why: equals.get(t.mutant.id)! })),
    unexplained: living.filter((t) => !reasons.has(t.mutant.id)),
    wrong: killed.filter((t) => isEquivalent(t) || reasons.has(t.mutant.id)),
    score: percent(killed.length, living.length),
  };
}
