/** The table of `thpcheck invariants`: from a file of results, or from scenarios that are checked for it. */
import type { Scenario } from "thpcheck";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { selectScenarios } from "../../checker/project/select.ts";
import { invariantTotals } from "../../checker/report/invariants.ts";
import { readResults } from "../../checker/report/json.ts";
import { group } from "../../checker/numbers.ts";
import { table } from "../../checker/report/summary.ts";
import type { ScenarioResult, Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import type { Invariant } from "../../spec/invariant.ts";
import { INVARIANTS } from "../../spec/invariants/index.ts";

export interface InForceFlags {
  readonly tier: Tier;
  readonly maxStates: string;
  /** What `check --out` has written, in place of checking. */
  readonly from?: string;
}

/** The promise by which scenarios make an invariant theirs. */
const promiseOf = (i: Invariant): string => `${i.id} ${i.name}`;

/** A scenario that holds a kernel's states to the catalogue. */
export function isHeldToInvariants(s: Scenario): boolean {
  return "structs" in s && INVARIANTS.some((i) => s.always?.[promiseOf(i)] !== undefined);
}

/** Returns the exit code: 0, 1 where an invariant is never in force, 2 where a scenario could not be looked at. Throws UsageError when nothing is left to look at. */
export async function printInForce(patterns: readonly string[], flags: InForceFlags): Promise<number> {
  const { results, failures } = flags.from === undefined ? await check(patterns, flags) : { results: readResults(flags.from), failures: [] };
  const { text, never } = inForceTable(results);
  process.stdout.write(text);
  for (const f of failures) process.stderr.write(`thpcheck: ${f}\n`);
  return failures.length > 0 ? 2 : never.length > 0 ? 1 : 0;
}

/** The table, and the invariants that were in force in no state. Throws UsageError when no result is about the invariants. */
export function inForceTable(results: readonly ScenarioResult[]): { readonly text: string; readonly never: readonly Invariant[] } {
  const held = results.filter((r) => r.invariants.some((p) => INVARIANTS.some((i) => promiseOf(i) === p.name)));
  if (held.length === 0) throw new UsageError("none of these scenarios is held to the invariants");
  const totals = invariantTotals(held);
  const states = held.reduce((sum, r) => sum + r.states, 0);
  const inForce = (i: Invariant): number => totals.get(promiseOf(i))?.inForce ?? 0;
  const rows = INVARIANTS.map((i) => [i.id, i.name, group(inForce(i)), `${((100 * inForce(i)) / states).toFixed(1)}%`]);
  const never = INVARIANTS.filter((i) => inForce(i) === 0);
  const lines = [table([["id", "invariant", "states in force", "of all"], ...rows], [false, false, true, true]), `${group(states)} states of ${held.length} scenarios`];
  return { text: `${[...lines, ...never.map((i) => `${i.id} is excused in every state: it promises nothing`)].join("\n")}\n`, never };
}

async function check(patterns: readonly string[], flags: InForceFlags): Promise<{ readonly results: readonly ScenarioResult[]; readonly failures: readonly string[] }> {
  const maxStates = Number(flags.maxStates);
  if (!Number.isInteger(maxStates) || maxStates <= 0) throw new UsageError("--max-states takes a positive whole number");
  const selection = await selectScenarios(patterns, flags.tier, process.cwd());
  const scenarios = selection.scenarios.map((s) => s.scenario).filter(isHeldToInvariants);
  const failures = [...selection.failures];
  const results: ScenarioResult[] = [];
  for (const [n, scenario] of scenarios.entries()) {
    process.stderr.write(`[${n + 1}/${scenarios.length}] ${scenario.name}\n`);
    const { result } = await checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, maxStates, minimise: false }, 1);
    if (result.verdict === "error") failures.push(`${scenario.name}: ${result.reason}`);
    else results.push(result);
  }
  return { results, failures };
}
