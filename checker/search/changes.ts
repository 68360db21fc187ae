/**
 * What a step changed: the words of the state in which two vectors differ, found in one pass.
 *
 * Most steps change a handful of a hundred words. Most of what a search has to know of a successor depends on those
 * alone: its fingerprint, the properties to check, the machines that may have moved.
 */
import type { Changes, TransitionSystem } from "../system.ts";

/** A step as a search compares it. */
export interface StepChanges {
  /** The state before the step. */
  readonly before: Int32Array;
  readonly changes: Changes;
}

/** The array that holds the state before a step, and the changes: the system's own where it has them. */
export function changesOf({ incremental, vector, stateWords }: TransitionSystem): StepChanges {
  if (incremental !== undefined) return incremental;
  const before = new Int32Array(vector.length);
  const words = new Int32Array(stateWords);
  const find = (): number => {
    let n = 0;
    for (let w = 0; w < stateWords; w++) if (vector[w] !== before[w]) words[n++] = w;
    return n;
  };
  return { before, changes: { words, find } };
}
