/**
 * The visited set of a parallel search: the table of `FingerprintSet`, shared by all workers.
 *
 * An empty slot is claimed by a compare-and-exchange of its low word from 0; the high word follows. A worker that
 * meets its own low word waits until the high word is there. Neither word is ever 0 or changes once set, so plain
 * loads serve as the fast path: a stale 0 is found out by the exchange. Of workers that add the same fingerprint all
 * walk the same slots, and exactly one claims the first empty one.
 */
import type { Control } from "./control.ts";
import { BATCH } from "./expand.ts";
import type { Visited } from "./visited.ts";
import { doubleInPlace, maxEntries } from "./visited.ts";

export class SharedFingerprintSet implements Visited {
  readonly #buffer: SharedArrayBuffer;
  readonly #control: Control;
  #generation = -1;
  #limit = 0;
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
    const control = this.#control;
    for (;;) {
      const generation = control.enter();
      if (generation !== this.#generation) this.#view(generation);
      if (this.#fits()) return;
      control.leave();
      control.alone(() => {
        // Another worker may have grown it meanwhile.
        this.#view(-1);
        if (!this.#fits()) doubleInPlace(this.#buffer);
      });
    }
  }

  touch(high: number): number {
    return this.table[(high >>> this.shift) << 1]!;
  }

  add(low: number, high: number): boolean {
    const table = this.table;
    const mask = this.mask;
    let i = (high >>> this.shift) << 1;
    for (;;) {
      let seen = table[i]!;
      if (seen === 0) {
        seen = Atomics.compareExchange(table, i, 0, low);
        if (seen === 0) {
          Atomics.store(table, i + 1, high);
          return true;
        }
      }
      if (seen === low) {
        let other = table[i + 1]!;
        while (other === 0) other = Atomics.load(table, i + 1);
        if (other === high) return false;
      }
      i = (i + 2) & mask;
    }
  }

  finish(added: number): void {
    this.#control.addCount(added);
    this.#control.leave();
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
