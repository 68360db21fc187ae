/** The visited set of a search by several workers: the table of `FingerprintSet`, shared. */
import type { Control } from "../parallel/control.ts";
import { BATCH } from "../expand.ts";
import { claim, maxEntries, slotOf, type Visited } from "./visited.ts";

export class SharedFingerprintSet implements Visited {
  readonly comparesStates = false;
  readonly #buffer: SharedArrayBuffer;
  readonly #control: Control;
  #generation = -1;
  #limit = 0;
  // Not private: the search reads them in its hottest loop, and V8 inlines plain fields best.
  table: Int32Array = new Int32Array(0);
  mask = 0;
  shift = 0;

  constructor(buffer: SharedArrayBuffer, control: Control) {
    this.#buffer = buffer;
    this.#control = control;
  }

  get bytes(): number {
    return this.#buffer.byteLength;
  }

  prepare(): void {
    const { gate, workers } = this.#control;
    for (;;) {
      const generation = gate.enter(this.#buffer);
      if (generation !== this.#generation) this.#view(generation);
      if (this.#fits()) return;
      gate.leave();
      gate.grow(this.#buffer, workers, () => {
        // Another worker may have grown it meanwhile.
        this.#view(-1);
        return !this.#fits();
      });
    }
  }

  touch(high: number): number {
    return this.table[(high >>> this.shift) << 1]!;
  }

  add(low: number, high: number): boolean {
    return claim(this.table, this.mask, (high >>> this.shift) << 1, low, high);
  }

  get slots(): number {
    return this.#buffer.byteLength / 8;
  }
  /** To be called once, when no worker adds any more: this one may have an old view. */
  finished(): this {
    this.#view(-1);
    return this;
  }
  find(low: number, high: number): number {
    return slotOf(this.table, this.shift, low, high);
  }

  finish(added: number): void {
    this.#control.addCount(added);
    this.#control.gate.leave();
  }

  /** Every worker may be about to add a whole batch that is not counted yet. */
  #fits(): boolean {
    return this.#control.count + this.#control.workers * BATCH <= this.#limit;
  }

  #view(generation: number): void {
    const words = this.#buffer.byteLength / 4;
    this.table = new Int32Array(this.#buffer, 0, words);
    this.mask = words - 1;
    this.shift = 32 - Math.log2(words / 2);
    this.#limit = maxEntries(words / 2);
    this.#generation = generation;
  }
}
