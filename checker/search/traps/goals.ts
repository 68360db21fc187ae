/** What must stay reachable from every state of a search. */
import type { TransitionSystem } from "../../system.ts";
import type { ExploreOptions } from "../run.ts";
import type { GraphLog } from "./graph-log.ts";

/** The promise that every check asks for unless the scenario is declared endless. */
export const END_STAYS_REACHABLE = "an end stays reachable";

/**
 * Whether a search is to look for traps. A search of a reduced graph must not, unless the reduction keeps to a cycle proviso: this
 * is the place to say so, when there are reductions that leave steps out. (Dead-local clearing leaves out none.)
 */
export function asksForTraps({ traps }: Pick<ExploreOptions, "traps">): boolean {
  return traps === true;
}

/** The goals: the promises that one of them stays reachable, by name. `end`: an end state, or one in which every actor rests. */
export function goalNames(system: TransitionSystem, end: boolean): string[] {
  return [...(end ? [END_STAYS_REACHABLE] : []), ...(system.recurring?.names ?? [])];
}

/** Whether every actor has ended or rests in `system.vector`. */
export function allAtRest(system: TransitionSystem): boolean {
  for (let a = 0; a < system.actors.length; a++) if (!system.atRest(a)) return false;
  return true;
}

/** Whether the state in `system.vector` is a goal of the promise of this name. */
export function isGoal(system: TransitionSystem, name: string): boolean {
  const index = system.recurring?.names.indexOf(name) ?? -1;
  return index >= 0 ? system.recurring!.holds(index) : allAtRest(system);
}

/** Notes of which promises state `id`, in `system.vector`, is a goal. */
export function noteGoals(system: TransitionSystem, end: boolean, log: GraphLog, id: number): void {
  const first = end ? 1 : 0;
  if (end && allAtRest(system)) log.reached(0, id);
  if (system.recurring === undefined) return;
  for (let i = 0; i < system.recurring.names.length; i++) if (system.recurring.holds(i)) log.reached(first + i, id);
}
