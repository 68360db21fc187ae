/** Steps between states of which it is not known yet whether a goal can be reached: (number of a state, place of another). */
import type { Settled } from "./settled.ts";

export class OpenSteps {
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  #end = 0;
  /** There were more than there is room for: some are missing. */
  overflown = false;

  /** Room for `capacity` steps. Memory is taken as it is used. */
  constructor(capacity: number) {
    this.#from = new Int32Array(capacity);
    this.#to = new Int32Array(capacity);
  }

  get length(): number {
    return this.#end;
  }

  clear(): void {
    this.#end = 0;
    this.overflown = false;
  }

  push(from: number, to: number): void {
    if (this.#end === this.#from.length) {
      this.overflown = true;
      return;
    }
    this.#from[this.#end] = from;
    this.#to[this.#end++] = to;
  }

  /** Settles states by their steps, in their order, and keeps the steps of the others. */
  sweep(settled: Settled): void {
    const { byNumber } = settled;
    let kept = 0;
    for (let i = 0; i < this.#end; i++) {
      const from = this.#from[i]!;
      const to = this.#to[i]!;
      if (byNumber[from] === 1) continue;
      if (settled.hasPlace(to)) settled.add(from);
      else {
        this.#from[kept] = from;
        this.#to[kept++] = to;
      }
    }
    this.#end = kept;
  }

  forEach(each: (from: number, to: number) => void): void {
    for (let i = 0; i < this.#end; i++) each(this.#from[i]!, this.#to[i]!);
  }
}
