/** The visited set of a search by several workers: the table of `FingerprintSet`, shared. */
import type { Control } from "../parallel/control.ts";
import type { Grown } from "../parallel/gate.ts";
import { BATCH } from "../expand.ts";
import { wordsOf, type GrowingBuffer } from "./column.ts";
import type { Moves } from "./moves.ts";
import { claim, maxEntries, type Visited } from "./visited.ts";

export class SharedFingerprintSet implements Visited {
  readonly comparesStates = false;
  readonly #buffer: GrowingBuffer;
  readonly #grown: Grown;
  readonly #control: Control;
  /** Entries that fit before the table must double. */
  limit = 0;
  // Not private: the search reads them in its hottest loop, and V8 inlines plain fields best.
  table: Int32Array = new Int32Array(0);
  mask = 0;
  shift = 0;
  last = -1;
  generation = -1;

  /** `moves`: as for `FingerprintSet`. */
  constructor(buffer: GrowingBuffer, control: Control, moves: Moves | null = null) {
    this.#buffer = buffer;
    this.#grown = { table: buffer, moves };
    this.#control = control;
  }

  get bytes(): number {
    return this.#buffer.byteLength;
  }

  prepare(): void {
    const { gate, workers } = this.#control;
    const grown = this.#grown;
    for (;;) {
      const generation = gate.enter(grown);
      if (generation !== this.generation) this.#view(generation);
      if (this.#fits()) return;
      gate.leave();
      gate.grow(grown, workers, () => {
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
    const slot = claim(this.table, this.mask, (high >>> this.shift) << 1, low, high);
    this.last = slot < 0 ? ~slot : slot;
    return slot >= 0;
  }

  finish(added: number): void {
    this.#control.addCount(added);
    this.#control.gate.leave();
  }

  /** Every worker may be about to add a whole batch that is not counted yet. */
  #fits(): boolean {
    return this.#control.count + this.#control.workers * BATCH <= this.limit;
  }

  #view(generation: number): void {
    const words = this.#buffer.byteLength / 4;
    this.table = wordsOf(this.#buffer, words);
    this.mask = words - 1;
    this.shift = 32 - Math.log2(words / 2);
    this.limit = maxEntries(words / 2);
    this.generation = generation;
  }
}
