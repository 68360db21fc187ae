/** Keeps the violation to report, and counts the end states, while states are expanded. */
import type { TransitionSystem } from "../system.ts";
import type { Broken, Candidate } from "./candidate.ts";
import { NO_STEP, compareCandidates, faultOf } from "./candidate.ts";
import { brokenProperty, judgeTerminal } from "./judge.ts";
import { NO_PARENT } from "./parallel/discovery.ts";
import type { ExpandEvents } from "./expand.ts";
import type { Fingerprint } from "./store/fingerprint.ts";

export class ViolationTracker implements ExpandEvents {
  readonly #system: TransitionSystem;
  readonly #fingerprint: Fingerprint;
  readonly #print = new Int32Array(2);
  /** Steps from an initial state to the states being expanded. */
  length = 0;
  /** End states: no step is possible and every actor is at rest. */
  terminals = 0;
  best: Candidate | null = null;

  constructor(system: TransitionSystem, fingerprint: Fingerprint) {
    this.#system = system;
    this.#fingerprint = fingerprint;
  }

  stateViolated(index: number, parent: number, ordinal: number, low: number, high: number): void {
    const broken = brokenProperty(this.#system, "always", index);
    this.consider({ broken, length: this.length + 1, from: parent, ordinal, low, high });
  }

  stepViolated(index: number, parent: number, ordinal: number): void {
    this.#atState(brokenProperty(this.#system, "step", index), this.length + 1, parent, ordinal);
  }

  stepFailed(error: unknown, parent: number, ordinal: number): void {
    this.#atState(faultOf(error), this.length + 1, parent, ordinal);
  }

  /** Branch `index` of `init` threw. */
  initFailed(fault: Broken, index: number): void {
    this.consider({ broken: fault, length: 0, from: NO_PARENT, ordinal: index, low: 0, high: 0 });
  }

  terminal(id: number): void {
    const verdict = judgeTerminal(this.#system);
    if (verdict !== null) this.#atState(verdict, this.length, id, NO_STEP);
    if (verdict?.kind !== "deadlock") this.terminals++;
  }

  consider(candidate: Candidate): void {
    if (this.best === null || compareCandidates(candidate, this.best) < 0) this.best = candidate;
  }

  #atState(broken: Broken, length: number, from: number, ordinal: number): void {
    this.#fingerprint(this.#system.vector, 0, this.#print, 0);
    this.consider({ broken, length, from, ordinal, low: this.#print[0]!, high: this.#print[1]! });
  }
}
