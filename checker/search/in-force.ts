/**
 * In how many states each promise is in force: its excuse does not apply there. For searches that look at every state
 * from scratch.
 */
import type { Excuses, TransitionSystem } from "../system.ts";

export class InForceCount {
  readonly #excuses: Excuses | null;
  /** By excuse: the states in which the promises that have this excuse are in force; null for a system without excuses. */
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

/** Of each state property: in how many of `states` states it was in force, given that number by excuse. */
export function statesInForce({ always, excuses }: TransitionSystem, states: number, byExcuse: Float64Array | null): number[] {
  return always.map((_, i) => {
    const excuse = excuses?.of[i] ?? -1;
    return excuse < 0 ? states : byExcuse![excuse]!;
  });
}
