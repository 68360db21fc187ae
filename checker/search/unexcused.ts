/** Counts the states in which each excuse does not apply, for searches that look at every state from scratch. */
import type { TransitionSystem } from "../system.ts";

export class UnexcusedCount {
  readonly #system: TransitionSystem;
  /** By excuse; null for a system that has none. */
  readonly counts: Float64Array | null;

  constructor(system: TransitionSystem) {
    this.#system = system;
    this.counts = system.excuses == null ? null : new Float64Array(system.excuses.count);
  }

  /** Counts the state in the system's `vector`. Throws what an excuse throws. */
  add(): void {
    if (this.counts === null) return;
    const bits = this.#system.excuses!.evaluate();
    for (let e = 0; e < this.counts.length; e++) this.counts[e]! += 1 - ((bits >>> e) & 1);
  }
}

/** Of each state property: in how many of `states` states it was in force. */
export function statesInForce(system: TransitionSystem, states: number, unexcused: Float64Array | null): number[] {
  return system.always.map((_, i) => {
    const excuse = system.excuses?.of[i] ?? -1;
    return excuse < 0 ? states : unexcused![excuse]!;
  });
}
