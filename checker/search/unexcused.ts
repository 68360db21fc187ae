/** Counts the states in which each excuse does not apply, for searches that look at every state from scratch. */
import type { Excuses, TransitionSystem } from "../system.ts";

export class UnexcusedCount {
  readonly #excuses: Excuses | null;
  /** By excuse; null for a system that has none. */
  readonly counts: Float64Array | null;

  constructor(system: TransitionSystem) {
    this.#excuses = system.excuses ?? null;
    this.counts = this.#excuses === null ? null : new Float64Array(this.#excuses.count);
  }

  /** Counts the state in the system's `vector`. Throws what an excuse throws. */
  add(): void {
    if (this.counts === null) return;
    const bits = this.#excuses!.evaluate();
    for (let e = 0; e < this.counts.length; e++) this.counts[e]! += 1 - ((bits >>> e) & 1);
  }
}

/** Of each state property: in how many of `states` states it was in force. */
export function statesInForce(system: TransitionSystem, states: number, unexcused: Float64Array | null): number[] {
  const { excuses } = system;
  return system.always.map((_, i) => {
    const excuse = excuses?.of[i] ?? -1;
    return excuse < 0 ? states : unexcused![excuse]!;
  });
}
