/**
 * Where the entries of a table went when it doubled: for those who wrote down the places (slots) of states, and read them when the
 * search is done. Several workers may move the entries of one table; each writes down what it moves.
 *
 * A table of n slots that doubles writes the new place of what was at slot s to word n + s. The next doubling, of 2n slots, begins
 * where that ends, so that the words of all doublings together are as many as the last table has slots. For example, the table of 4
 * slots has its words at 4..7, that of 8 at 8..15. Word 0 belongs to no table.
 */
import { reserveShared } from "./column.ts";

/** Word 0 is this when there was no memory to write a doubling down. */
const LOST = 1;
const FIRST_BYTES = 65536;

export class Moves {
  /** Can be posted to another thread, which makes a `Moves` of its own from it. */
  readonly buffer: SharedArrayBuffer;

  constructor(buffer: SharedArrayBuffer = reserveShared(FIRST_BYTES, 2 ** 31)) {
    this.buffer = buffer;
  }

  /** Makes room for the doubling of a table of `slots` slots. Called once, before anybody asks for its words. */
  begin(slots: number): void {
    if (this.lost || this.buffer.byteLength >= 8 * slots) return;
    try {
      this.buffer.grow(8 * slots);
    } catch {
      Atomics.store(new Int32Array(this.buffer, 0, 1), 0, LOST);
    }
  }

  /** The words of the doubling of a table of `slots` slots, by old slot; null: they cannot be written down. */
  of(slots: number): Int32Array | null {
    return this.lost ? null : new Int32Array(this.buffer, 4 * slots, slots);
  }

  /** There was no memory for them: places that were written down before a doubling mean nothing any more. */
  get lost(): boolean {
    return Atomics.load(new Int32Array(this.buffer, 0, 1), 0) === LOST;
  }

  /**
   * Makes each doubling lead to the places in the table as it is now, of `slots` slots, and no longer to those in the table that
   * came next. To be called once, when nothing grows any more. `first`: slots of the table before it doubled for the first time.
   */
  compose(first: number, slots: number): void {
    for (let n = slots / 4; n >= first; n /= 2) {
      const moved = this.of(n)!;
      const later = this.of(2 * n)!;
      for (let s = 0; s < n; s++) moved[s] = later[moved[s]!]!;
    }
  }
}
