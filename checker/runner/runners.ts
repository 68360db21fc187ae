/** Which runner a run has: the one place where a further one is added. */
import { workersFor } from "../check/options.ts";
import { coverageLog } from "../program/coverage-log.ts";
import type { LoadedScenario } from "../project/project.ts";
import { InProcessRunner } from "./in-process.ts";
import type { RunSettings, Runner } from "./runner.ts";
import { SideBySideRunner } from "./side-by-side.ts";

/**
 * From so many scenarios on, or from so many pinned states among fewer, processes of their own are worth their price: each
 * takes a second to start and to warm up.
 */
const SIDE_BY_SIDE_SCENARIOS = 6;
const SIDE_BY_SIDE_STATES = 300_000;
/** Processes of one run at most, however many are asked for. */
const PROCESSES_MAX = 8;

/** `alone`: everything has to happen in this process, since the engine is a test's own. */
export function runnerFor(scenarios: readonly LoadedScenario[], settings: RunSettings, { alone }: { readonly alone: boolean }): Runner {
  const small = scenarios.filter((s) => !isLarge(s, settings));
  // What is recorded of the programs of this process has to run in it.
  const members = alone || coverageLog() !== null ? 1 : membersFor(small, settings);
  return members > 1 ? new SideBySideRunner(settings, members, (s) => isLarge(s, settings)) : new InProcessRunner(settings);
}

/** Whether threads are to share the search of this scenario; otherwise others are checked beside it. */
function isLarge({ scenario }: LoadedScenario, { options, audit }: RunSettings): boolean {
  const { strategy, exact } = options;
  return strategy === "bfs" && !exact && coverageLog() === null && !audit && workersFor(scenario, 2) > 1;
}

/** Processes that check small scenarios side by side; 1: none, this one checks them all. */
function membersFor(small: readonly LoadedScenario[], { options, cores }: RunSettings): number {
  const states = small.reduce((sum, { scenario: { expect } }) => sum + (expect.verdict === "holds" ? expect.states ?? 0 : 0), 0);
  if (small.length < SIDE_BY_SIDE_SCENARIOS && states < SIDE_BY_SIDE_STATES) return 1;
  return Math.min(options.workers ?? cores, PROCESSES_MAX, small.length);
}
