/** Keeps the violations to report, and counts the end states, while states are expanded. */
import type { TransitionSystem } from "../system.ts";
import type { Broken, Candidate } from "./candidate.ts";
import { NO_STEP, Candidates, faultOf } from "./candidate.ts";
import { allBroken, judgeTerminal } from "./judge.ts";
import { NO_PARENT } from "./parallel/discovery.ts";
import type { ExpandEvents } from "./expand.ts";
import type { Fingerprint } from "./store/fingerprint.ts";
import { noteGoals, type GoalNotes } from "./traps/goals.ts";

export class ViolationTracker implements ExpandEvents {
  readonly #system: TransitionSystem;
  readonly #fingerprint: Fingerprint;
  readonly #graph: GoalNotes | null;
  readonly #print = new Int32Array(2);
  /** Steps from an initial state to the states being expanded. */
  length = 0;
  /** End states: no step is possible and every actor is at rest. */
  terminals = 0;
  readonly found = new Candidates();

  /** `graph`: where goals are noted, and whether end states are; null when nobody asks for traps. */
  constructor(system: TransitionSystem, fingerprint: Fingerprint, graph: GoalNotes | null) {
    this.#system = system;
    this.#fingerprint = fingerprint;
    this.#graph = graph;
  }

  stateViolated(first: number, parent: number, ordinal: number, low: number, high: number): void {
    for (const broken of allBroken(this.#system, "always", first, null)) {
      this.found.add({ broken, length: this.length + 1, from: parent, ordinal, low, high });
    }
  }

  stepViolated(first: number, parent: number, ordinal: number, before: Int32Array): void {
    this.#atState(allBroken(this.#system, "step", first, before), this.length + 1, parent, ordinal);
  }

  stepFailed(error: unknown, parent: number, ordinal: number): void {
    this.#atState([faultOf(error)], this.length + 1, parent, ordinal);
  }

  /** Branch `index` of `init` threw. */
  initFailed(fault: Broken, index: number): void {
    this.found.add({ broken: fault, length: 0, from: NO_PARENT, ordinal: index, low: 0, high: 0 });
  }

  terminal(id: number): void {
    const { broken, isEnd } = judgeTerminal(this.#system);
    if (broken.length > 0) this.#atState(broken, this.length, id, NO_STEP);
    if (isEnd) this.terminals++;
    this.#note(id, true);
  }

  passed(id: number): void {
    this.#note(id, false);
  }

  #note(id: number, isTerminal: boolean): void {
    if (this.#graph !== null) noteGoals(this.#system, this.#graph, id, isTerminal);
  }

  #atState(broken: readonly Broken[], length: number, from: number, ordinal: number): void {
    this.#fingerprint(this.#system.vector, 0, this.#print, 0);
    const place: Omit<Candidate, "broken"> = { length, from, ordinal, low: this.#print[0]!, high: this.#print[1]! };
    for (const b of broken) this.found.add({ broken: b, ...place });
  }
}
