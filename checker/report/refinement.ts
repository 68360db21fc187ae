/** What a run says of the machines that its steps were held to, scenario by scenario added up. */
import type { ScenarioResult } from "../result.ts";
import { count } from "../numbers.ts";

/** How often each arrow of each machine was taken by all scenarios together; an arrow never taken is not there. */
export function arrowsTaken(results: readonly ScenarioResult[]): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const machines = new Map<string, Map<string, number>>();
  for (const m of results.flatMap((r) => r.refinement?.machines ?? [])) {
    const taken = machines.get(m.machine) ?? new Map<string, number>();
    machines.set(m.machine, taken);
    for (const { arrow, count: n } of m.taken) taken.set(arrow, (taken.get(arrow) ?? 0) + n);
  }
  return machines;
}

/** One sentence for a whole run; null when nothing was held to a machine. */
export function refinementLine(results: readonly ScenarioResult[]): string | null {
  const refined = results.flatMap((r) => (r.refinement === null ? [] : [r.refinement]));
  if (refined.length === 0) return null;
  const arrows = new Map(refined.flatMap((r) => r.machines.map((m) => [m.machine, m.arrows] as const)));
  const taken = arrowsTaken(results);
  const steps = refined.reduce((sum, r) => sum + r.steps, 0);
  const were = steps === 1 ? "was" : "were";
  const machines = [...arrows].map(([machine, n]) => `${machine} ${taken.get(machine)?.size ?? 0}/${n}`);
  const held = `${count(steps, "step")} of ${count(refined.length, "scenario")} ${were} held to ${count(arrows.size, "machine")}`;
  return `${held}; transitions taken: ${machines.join(", ")}`;
}
