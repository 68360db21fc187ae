/** What a run says of the machines that its steps were held to. */
import type { Refinement } from "../refinement.ts";
import type { MachinePlan, RefinementPlan } from "../refinement-plan.ts";
import type { MachineReport, RefinementReport } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import type { Outcome } from "../search/explore.ts";
import type { TransitionSystem } from "../system.ts";

/** What the search says of the machines that it held steps to; null without machines. */
export function reportOf(s: Scenario, system: TransitionSystem, outcome: Outcome): RefinementReport | null {
  if (system.refinement === undefined || outcome.refinementCounts === null) return null;
  return refinementReport(system.refinement.plan, s.refine ?? [], outcome.refinementCounts);
}

/** `counts`: the steps, then how often each cell of the tables was taken. `refinements` are those that the plan was made of. */
function refinementReport(plan: RefinementPlan, refinements: readonly Refinement[], counts: Float64Array): RefinementReport {
  return { steps: counts[0]!, machines: plan.machines.map((m, n) => machineReport(m, refinements[n]!, counts)) };
}

function machineReport(m: MachinePlan, r: Refinement, counts: Float64Array): MachineReport {
  const taken = r.arrows.map(() => 0);
  for (let state = 0; state < m.descriptions.length; state++) {
    for (const [column, { event, payload }] of m.columns.entries()) {
      const count = counts[1 + m.firstCell + state * m.columns.length + column]!;
      if (count > 0) taken[r.arrow(state, event, payload)]! += count;
    }
  }
  return {
    machine: m.name,
    instances: m.instances,
    moves: taken.reduce((sum, c) => sum + c, 0),
    arrows: r.arrows.filter((a) => a.lacks === null).length,
    taken: r.arrows.flatMap((a, i) => (taken[i]! > 0 ? [{ arrow: a.name, count: taken[i]! }] : [])),
  };
}
