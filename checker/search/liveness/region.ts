/**
 * What a run that breaks a promise looks like: it comes to a part of the graph, stays there for ever, and goes round in it.
 *
 * | promise | the run | region in which it goes round |
 * |---|---|---|
 * | `eventually` p | never shows p | states without p that initial ones reach without p |
 * | `leadsTo` p, q | shows p once, and q neither then nor later | states without q that states with p and without q reach without q |
 * | `alwaysEventually` p | shows p no more from some time on | states without p |
 * | `progress` p | the same, and does not end | states without p; a state alone is no round unless a step leads back to it |
 * | `eventuallyAlways` p | is without p again and again | all states; the round has one without p |
 *
 * Every state of the graph is reachable, so where a run goes round is all that decides whether there is one; the way there is
 * looked for when there is (`lasso.ts`).
 */
import type { LivenessPromise } from "../../system.ts";
import { shows, type StepGraph } from "./step-graph.ts";

export interface Region {
  /** 1: a state that the run may go round in. */
  readonly inside: Uint8Array;
  /** The predicate that some state of the round must be without; null: none. */
  readonly without: number | null;
  /** A run that takes no step any more counts as one that goes round. */
  readonly mayStay: boolean;
}

/** Whether a run that breaks the promise may be in this state from the time on when it must be inside. */
export function isAllowed(graph: StepGraph, { kind, goal }: LivenessPromise, state: number): boolean {
  return kind === "eventuallyAlways" || !shows(graph, state, goal);
}

/** Whether the time when it must be inside can begin in the state; `isFirst`: the state is an initial one. */
export function isEntry(graph: StepGraph, promise: LivenessPromise, state: number, isFirst: boolean): boolean {
  if (!isAllowed(graph, promise, state)) return false;
  if (promise.kind === "eventually") return isFirst;
  return promise.from === null || shows(graph, state, promise.from);
}

export function regionOf(graph: StepGraph, promise: LivenessPromise): Region {
  const { kind, goal } = promise;
  const inside = kind === "eventually" || kind === "leadsTo" ? reachedInside(graph, promise) : new Uint8Array(graph.states);
  if (kind !== "eventually" && kind !== "leadsTo") {
    for (let s = 0; s < graph.states; s++) inside[s] = isAllowed(graph, promise, s) ? 1 : 0;
  }
  return { inside, without: kind === "eventuallyAlways" ? goal : null, mayStay: kind !== "progress" };
}

/** What the states in which it begins reach without leaving what is allowed. */
function reachedInside(graph: StepGraph, promise: LivenessPromise): Uint8Array<ArrayBuffer> {
  const { states, first, targets, initial } = graph;
  const inside = new Uint8Array(states);
  const waiting = new Int32Array(states);
  let left = 0;
  const enter = (s: number): void => {
    if (inside[s] === 1) return;
    inside[s] = 1;
    waiting[left++] = s;
  };
  if (promise.kind === "eventually") {
    for (const s of initial) if (isEntry(graph, promise, s, true)) enter(s);
  } else for (let s = 0; s < states; s++) if (isEntry(graph, promise, s, false)) enter(s);
  while (left > 0) {
    const s = waiting[--left]!;
    for (let e = first[s]!; e < first[s + 1]!; e++) if (isAllowed(graph, promise, targets[e]!)) enter(targets[e]!);
  }
  return inside;
}
