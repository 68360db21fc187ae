/** What must stay reachable from every state of a search. */
import type { TransitionSystem } from "../../system.ts";
import type { ExploreOptions } from "../run.ts";
import type { GraphLog } from "./graph-log.ts";

/** The promise that every check asks for unless the scenario is declared endless. */
export const END_STAYS_REACHABLE = "an end stays reachable";

export interface GoalNotes {
  readonly log: GraphLog;
  /** End states are a goal, and states in which every actor rests. */
  readonly end: boolean;
}

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

// Below, "the state" is the one in the system's vector; `isTerminal` says that no actor can move.

/** Whether the state is an end, or one in which every actor rests, or may be stuck. */
function mayStay(system: TransitionSystem, isTerminal: boolean): boolean {
  if (isTerminal && system.deadlockIsFine === true) return true;
  for (let a = 0; a < system.actors.length; a++) if (!system.atRest(a)) return false;
  return true;
}

/** Whether nobody knows what comes of the state, which then counts as good. */
function isCutOff(system: TransitionSystem, isTerminal: boolean): boolean {
  return isTerminal && system.isBeyond?.() === true;
}

/** Whether the state is a goal of the promise of this name. */
export function isGoal(system: TransitionSystem, name: string, isTerminal: boolean): boolean {
  if (isCutOff(system, isTerminal)) return true;
  const index = system.recurring?.names.indexOf(name) ?? -1;
  return index >= 0 ? system.recurring!.holds(index) : mayStay(system, isTerminal);
}

/** Notes of which promises state `id` is a goal. */
export function noteGoals(system: TransitionSystem, { end, log }: GoalNotes, id: number, isTerminal: boolean): void {
  const first = end ? 1 : 0;
  const isCut = isCutOff(system, isTerminal);
  if (end && (isCut || mayStay(system, isTerminal))) log.reached(0, id);
  if (system.recurring === undefined) return;
  for (let i = 0; i < system.recurring.names.length; i++) if (isCut || system.recurring.holds(i)) log.reached(first + i, id);
}
