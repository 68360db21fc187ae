/** A state graph as whole runs are looked for in it: every step with the actor that takes it, and what each state shows. */

export interface StepGraph {
  /** States are numbered from 0. */
  readonly states: number;
  /** The steps of state s are those from `first[s]` up to `first[s + 1]`. */
  readonly first: Int32Array;
  /** Of each step: the state that it leads to, and who takes it. A step may lead back to where it starts. */
  readonly targets: Int32Array;
  readonly actors: Uint16Array;
  /** Of each state, as bits: the predicates that are true of it. */
  readonly shown: Int32Array;
  /** 1: the state is beyond the bound of the search, and nobody knows what comes of it. It has no steps. */
  readonly beyond: Uint8Array;
  /** The states in which runs begin. */
  readonly initial: readonly number[];
  /** How many actors there are. */
  readonly actorCount: number;
}

/** Whether predicate `index` is true of the state. */
export function shows({ shown }: StepGraph, state: number, index: number): boolean {
  return ((shown[state]! >>> index) & 1) === 1;
}
