/** What begins a breadth-first search and what ends it between levels; the same on any number of workers. */
import type { TransitionSystem } from "../system.ts";
import { NO_PARENT } from "./discovery.ts";
import type { Expander } from "./expand.ts";
import { forEachInitial } from "./steps.ts";
import type { Watch } from "./watch.ts";

/** Offers the initial states; those that fail or violate are reported at length 0. */
export function seed(system: TransitionSystem, expander: Expander, watch: Watch): void {
  watch.length = -1;
  forEachInitial(system, (index, fault) => {
    if (fault === null) expander.offer(NO_PARENT, index);
    else watch.initFailed(fault, index);
  });
  expander.flush();
}

/** Why a search with `states` states in `depth` levels must not expand the last level, of `frontier` states; or null. */
export function levelBound(bounds: { readonly maxStates: number | null; readonly maxDepth: number | null }, states: number, depth: number, frontier: number): string | null {
  if (bounds.maxStates !== null && states >= bounds.maxStates) {
    return `the bound of ${bounds.maxStates} states was reached at depth ${depth}; ${frontier} states were not expanded`;
  }
  if (bounds.maxDepth !== null && depth >= bounds.maxDepth) return `the depth bound of ${bounds.maxDepth} was reached; ${frontier} states were not expanded`;
  return null;
}
