/** Explores scenarios of the kernel with counters, in this process and by one thread. */
import { relative } from "node:path";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import type { LoadedScenario } from "../../checker/project/project.ts";
import { selectScenarios } from "../../checker/project/select.ts";
import { recordCoverage } from "../../checker/program/coverage-log.ts";
import type { Tier } from "../../checker/result.ts";
import type { Scenario } from "../../checker/scenario.ts";
import { EV } from "../../spec/events.ts";
import { merge, ROOT, scanResultTimes, type Recorded } from "./recorded.ts";

/** Folders of scenarios, and whether they count whatever their tier: those that look for bugs are small, and hold on the code as it is. */
const FOLDERS: readonly (readonly [folder: string, anyTier: boolean])[] = [["test/scenarios/", false], ["test/bugs/scenarios/", true]];

/** States of a scenario that are explored: the rest of a large one repeats the same lines in other orders. What only a deeper state reaches counts as not reached, and needs a test. A bound in states, not in time, so that each run reaches the same. */
const STATES_MAX = 20_000;

export interface ScenarioRun extends Recorded {
  readonly name: string;
  /** States explored. */
  readonly states: number;
  /** Why it did not go as its file says: the kernel's own assertion fails, or a violation is not found. Null if it did. */
  readonly complaint: string | null;
}

/** The scenarios of this tier and of those below it; and sentences about modules that cannot be loaded. */
export async function scenariosOf(tier: Tier): Promise<{ readonly scenarios: readonly LoadedScenario[]; readonly failures: readonly string[] }> {
  const { scenarios, failures } = await selectScenarios([], "nightly", ROOT);
  const within = (await selectScenarios([], tier, ROOT)).scenarios.map((s) => s.scenario.name);
  const counts = ({ scenario, file }: LoadedScenario): boolean => FOLDERS.some(([folder, anyTier]) => relative(ROOT, file).startsWith(folder) && (anyTier || within.includes(scenario.name)));
  return { scenarios: scenarios.filter(counts), failures };
}

export async function runScenario({ scenario }: LoadedScenario, signal: AbortSignal): Promise<ScenarioRun> {
  const log = recordCoverage([EV.COLLAPSE_RESULT]);
  const { result } = await checkScenario(withoutPromises(scenario), { ...DEFAULT_CHECK_OPTIONS, coverage: true, refine: false, maxStates: STATES_MAX, shouldStop: () => signal.aborted }, 1);
  const source = `scenario ${scenario.name}`;
  return {
    name: scenario.name, states: result.states, blocks: merge([log.blocks()]),
    scanResults: scanResultTimes(log).flatMap((times, code) => (times > 0 ? [{ result: code, source, times }] : [])),
    complaint: result.verdict === "incomplete" || result.verdict === scenario.expect.verdict ? null : `${source}: ${result.reason ?? result.verdict}`,
  };
}

/**
 * What a scenario promises is for "check", and compiling that takes as long as compiling the kernel: where it holds, the
 * same steps are taken without. Where a violation is expected the search has to end with it.
 */
function withoutPromises(s: Scenario): Scenario {
  if (s.expect.verdict === "violated") return s;
  return { ...s, always: {}, step: {}, sometimes: {}, finally: {}, expect: { ...s.expect, states: null, transitions: null, depth: null, statesWithoutClearing: null } };
}

/** A run, with its price: compiling a scenario costs about as much as exploring so many states. */
const COMPILING = 20_000;

/** Scenarios that together reach all that these runs reach beyond `already`, scan results included, cheapest per block first: what `order.ts` should say. */
export function sufficient(already: Recorded, runs: readonly (Recorded & { readonly name: string; readonly states: number })[]): string[] {
  const places = ({ blocks, scanResults }: Recorded): string[] => [...blocks.flatMap((b) => (b.count > 0 ? [`${b.file}:${b.line}:${b.column}`] : [])), ...scanResults.map((r) => `scan result ${r.result}`)];
  const before = new Set(places(already));
  const rest = runs.map((run) => ({ name: run.name, price: COMPILING + run.states, adds: new Set(places(run).filter((p) => !before.has(p))) }));
  const chosen: string[] = [];
  for (;;) {
    const best = rest.reduce((a, b) => (b.adds.size / b.price > a.adds.size / a.price ? b : a), { name: "", price: 1, adds: new Set<string>() });
    if (best.adds.size === 0) return chosen;
    chosen.push(best.name);
    const added = [...best.adds];
    for (const run of rest) for (const p of added) run.adds.delete(p);
  }
}
