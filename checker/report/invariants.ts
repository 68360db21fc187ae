/** In how many states the promises of a run were in force, scenario by scenario added up. */
import type { ScenarioResult } from "../result.ts";
import { group } from "../numbers.ts";
import { table } from "./summary.ts";

export interface InvariantTotal {
  /** States of the scenarios that make the promise. */
  states: number;
  /** Those of them in which the promise was in force. */
  inForce: number;
  scenarios: number;
}

/** By name, in the order in which the results first make the promises. */
export function invariantTotals(results: readonly ScenarioResult[]): ReadonlyMap<string, Readonly<InvariantTotal>> {
  const totals = new Map<string, InvariantTotal>();
  for (const r of results) {
    for (const { name, inForce } of r.invariants) {
      const sum = totals.get(name) ?? { states: 0, inForce: 0, scenarios: 0 };
      totals.set(name, sum);
      sum.states += r.states;
      sum.inForce += inForce;
      sum.scenarios++;
    }
  }
  return totals;
}

/** One row for each promise; what was in force in no state is marked. */
export function invariantsTable(results: readonly ScenarioResult[]): string {
  const rows = [...invariantTotals(results)].map(([name, t]) => [
    name, group(t.scenarios), group(t.states), group(t.inForce),
    t.states === 0 ? "-" : `${((100 * t.inForce) / t.states).toFixed(1)}%`, t.inForce === 0 ? "promises nothing" : "",
  ]);
  return table([["invariant", "scenarios", "states", "in force", "of all", ""], ...rows], [false, true, true, true, true, false]);
}
