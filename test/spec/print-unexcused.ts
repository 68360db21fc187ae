/** Runs the scenarios and prints the table of `thpcheck invariants`. */
import { selectScenarios } from "../../checker/cli/select.ts";
import { errorSentence } from "../../checker/error-sentence.ts";
import { group } from "../../checker/report/numbers.ts";
import { table } from "../../checker/report/summary.ts";
import type { Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";
import { countUnexcused, isHeldToInvariants } from "./unexcused.ts";

/** Returns the exit code: 0, 1 where an invariant is never unexcused, 2 where a scenario could not be looked at. Throws UsageError when nothing is left to look at. */
export async function printUnexcused(patterns: readonly string[], tier: Tier, maxStates: number): Promise<number> {
  if (!Number.isInteger(maxStates) || maxStates <= 0) throw new UsageError("--max-states takes a positive whole number");
  const selection = await selectScenarios(patterns, tier, process.cwd());
  const scenarios = selection.scenarios.map((s) => s.scenario).filter(isHeldToInvariants);
  if (scenarios.length === 0) throw new UsageError("none of these scenarios is held to the invariants");
  const sums = new Map(INVARIANTS.map((i) => [i.id, 0]));
  const failures = [...selection.failures];
  let states = 0;
  for (const [n, scenario] of scenarios.entries()) {
    process.stderr.write(`[${n + 1}/${scenarios.length}] ${scenario.name}\n`);
    try {
      const found = await countUnexcused(scenario, maxStates);
      states += found.states;
      for (const [id, count] of found.unexcused) sums.set(id, sums.get(id)! + count);
    } catch (e) {
      failures.push(`${scenario.name}: ${errorSentence(e)}`);
    }
  }
  const rows = INVARIANTS.map((i) => [i.id, i.name, group(sums.get(i.id)!), `${((100 * sums.get(i.id)!) / states).toFixed(1)}%`]);
  process.stdout.write(`${table([["id", "invariant", "states unexcused", "of all"], ...rows], [false, false, true, true])}\n${group(states)} states of ${scenarios.length} scenarios\n`);
  const never = INVARIANTS.filter((i) => sums.get(i.id) === 0);
  for (const i of never) process.stdout.write(`${i.id} is excused in every state: it promises nothing\n`);
  for (const f of failures) process.stderr.write(`thpcheck: ${f}\n`);
  return failures.length > 0 ? 2 : never.length > 0 ? 1 : 0;
}
