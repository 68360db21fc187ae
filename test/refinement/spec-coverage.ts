/** Machines against transitions: which arrows of the specification the scenarios of the kernel take, and which none does. */
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { EXIT_AS_EXPECTED, EXIT_NOT_AS_EXPECTED } from "../../checker/cli/host.ts";
import { selectScenarios } from "../../checker/project/select.ts";
import { readResults } from "../../checker/report/json.ts";
import { arrowsTaken } from "../../checker/report/refinement.ts";
import { table } from "../../checker/report/summary.ts";
import type { ScenarioResult, Tier } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { UNTAKEN, type Untaken } from "./untaken.ts";

/** Of each machine, the share of its arrows that scenarios must take. */
export const SHARE_MIN = 0.9;

export interface MachineCoverage {
  readonly machine: string;
  readonly taken: readonly { readonly arrow: string; readonly count: number }[];
  /** Arrows that nothing takes, with the reason; null: nobody gave one. */
  readonly untaken: readonly { readonly arrow: string; readonly why: string | null }[];
  /** Arrows whose subject the kernel lacks; they do not count. */
  readonly lacking: readonly { readonly arrow: string; readonly lacks: string }[];
}

export interface SpecCoverage {
  readonly machines: readonly MachineCoverage[];
  /** Reasons that are wrong: the arrow is taken, or there is none of that name. */
  readonly stale: readonly Untaken[];
}

type Arrows = readonly { readonly machine: string; readonly arrows: readonly { readonly name: string; readonly lacks: string | null }[] }[];

/** Sorts the arrows of the machines by what the results took. */
export function coverageOf(arrows: Arrows, results: readonly ScenarioResult[], reasons: readonly Untaken[]): SpecCoverage {
  const counts = arrowsTaken(results);
  const machines = arrows.map(({ machine, arrows: all }): MachineCoverage => {
    const taken = counts.get(machine) ?? new Map<string, number>();
    return {
      machine,
      taken: all.flatMap((a) => (taken.has(a.name) ? [{ arrow: a.name, count: taken.get(a.name)! }] : [])),
      untaken: all.filter((a) => a.lacks === null && !taken.has(a.name)).map((a) => ({ arrow: a.name, why: reasons.find((r) => r.machine === machine && r.arrow === a.name)?.why ?? null })),
      lacking: all.flatMap((a) => (a.lacks !== null && !taken.has(a.name) ? [{ arrow: a.name, lacks: a.lacks }] : [])),
    };
  });
  const stale = reasons.filter((r) => !(machines.find((m) => m.machine === r.machine)?.untaken.some((u) => u.arrow === r.arrow) ?? false));
  return { machines, stale };
}

/** Share of the arrows with a subject that were taken. */
export function shareTaken(m: MachineCoverage): number {
  return m.taken.length / Math.max(1, m.taken.length + m.untaken.length);
}

/** What is wrong, in sentences; empty when all is well. */
export function complaints({ machines, stale }: SpecCoverage): string[] {
  return [
    ...machines.filter((m) => shareTaken(m) < SHARE_MIN).map((m) => `${m.machine}: scenarios take ${m.taken.length} of ${m.taken.length + m.untaken.length} transitions, fewer than ${SHARE_MIN * 100} of 100`),
    ...machines.flatMap((m) => m.untaken.filter((u) => u.why === null).map((u) => `${m.machine}: no scenario takes ${u.arrow}; write one, or the reason into test/refinement/untaken.ts`)),
    ...stale.map((r) => `${r.machine}: the reason for ${r.arrow} no longer applies; take it out of test/refinement/untaken.ts`),
  ];
}

export function render(coverage: SpecCoverage): string {
  const rows = coverage.machines.map((m) => [m.machine, `${m.taken.length} of ${m.taken.length + m.untaken.length}`, `${Math.floor(100 * shareTaken(m))} %`, String(m.lacking.length)]);
  const lines = [table([["machine", "taken", "share", "no subject yet"], ...rows], [false, true, true, true], (line) => line), ""];
  for (const m of coverage.machines) {
    for (const u of m.untaken) lines.push(`${m.machine}, never taken: ${u.arrow}`, `    ${u.why ?? "nobody says why"}`);
    for (const l of m.lacking) lines.push(`${m.machine}, no subject yet: ${l.arrow}`, `    ${l.lacks}`);
  }
  return `${lines.join("\n")}\n`;
}

export interface SpecCoverageFlags {
  readonly tier: Tier;
  readonly from?: string;
  readonly json?: boolean;
}

/** Measures, or reads a file of results; prints, and sets the exit code. Throws a UsageError for a file that is none. */
export async function runSpecCoverage(flags: SpecCoverageFlags): Promise<void> {
  const results = flags.from === undefined ? await measure(flags.tier) : readResults(flags.from);
  if (results.every((r) => r.refinement === null)) throw new UsageError(`${flags.from ?? `tier ${flags.tier}`} has no scenario that was held to the machines${flags.from === undefined ? "" : "; was it checked with --no-refine?"}`);
  const { kernelArrows } = await import("./kernel-machines.ts");
  const coverage = coverageOf(kernelArrows(), results, UNTAKEN);
  process.stdout.write(flags.json === true ? `${JSON.stringify(coverage, null, 2)}\n` : render(coverage));
  const wrong = complaints(coverage);
  for (const c of wrong) process.stderr.write(`thpcheck: ${c}\n`);
  process.exitCode = wrong.length === 0 ? EXIT_AS_EXPECTED : EXIT_NOT_AS_EXPECTED;
}

/** Arrows are counted wherever the search came, so a scenario that ends at a violation counts as far as it got. */
async function measure(tier: Tier): Promise<ScenarioResult[]> {
  const { scenarios } = await selectScenarios([], tier, process.cwd());
  const { kernelMachines } = await import("./kernel-machines.ts");
  const results: ScenarioResult[] = [];
  for (const { scenario } of scenarios) {
    const refine = kernelMachines(scenario);
    if (refine.length === 0) continue;
    process.stderr.write(`${scenario.name}\n`);
    results.push((await checkScenario({ ...scenario, refine }, DEFAULT_CHECK_OPTIONS, 1)).result);
  }
  return results;
}
