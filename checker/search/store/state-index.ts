/**
 * A visited set that numbers its states from 0 in the order of arrival. A slot is (low half of the fingerprint,
 * number + 1); a record holds the high half and, in exact mode, the whole state, which is then what is compared: the
 * fingerprint only says where to look, and nothing is lost to a collision.
 *
 * For validation (`exact`) and for searches that must know which state they meet again.
 */
import { Column } from "./column.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { Visited } from "./visited.ts";
import { doubleInPlace, maxEntries, reserveTable } from "./visited.ts";

export class StateIndex implements Visited {
  readonly #table = reserveTable();
  readonly #records = new Column();
  /** Words compared; 0 when fingerprints are trusted. */
  readonly #stateWords: number;
  readonly #stride: number;
  #slots = new Int32Array(this.#table);
  #limit = 0;
  #shift = 0;
  /** States held. */
  count = 0;
  last = -1;
  /** Numbers do not change. */
  readonly generation = 0;

  constructor(stateWords: number, exact: boolean) {
    this.#stateWords = exact ? stateWords : 0;
    this.#stride = this.#stateWords + 1;
    this.#view();
  }

  get comparesStates(): boolean {
    return this.#stateWords > 0;
  }

  get bytes(): number {
    return this.#table.byteLength + this.#records.bytes;
  }

  prepare(n: number): void {
    this.#records.reserve((this.count + n) * this.#stride);
    while (this.count + n > this.#limit) {
      doubleInPlace(this.#table, null, { records: this.#records.view, stride: this.#stride });
      this.#view();
    }
  }

  touch(high: number): number {
    return this.#slots[(high >>> this.#shift) << 1]!;
  }

  add(low: number, high: number, words: Int32Array, at: number): boolean {
    const before = this.count;
    this.last = this.number(low, high, words, at);
    return this.last === before;
  }

  finish(): void {
    // `number` counts.
  }

  /**
   * The number of the state, which is added if it is not there. A state is new when its number is the `count` of before. Needs
   * room (`prepare`).
   */
  number(low: number, high: number, words: Int32Array, at: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let i = (high >>> this.#shift) << 1;
    for (;;) {
      const seen = slots[i]!;
      if (seen === 0) break;
      if (seen === low && this.#equal(slots[i + 1]! - 1, high, words, at)) return slots[i + 1]! - 1;
      i = (i + 2) & mask;
    }
    const n = this.count++;
    slots[i] = low;
    slots[i + 1] = n + 1;
    const records = this.#records.view;
    const record = n * this.#stride;
    records[record] = high;
    for (let w = 0; w < this.#stateWords; w++) records[record + 1 + w] = words[at + w]!;
    return n;
  }

  /** Of a set that compares states: writes the fingerprint of state `n`. */
  fingerprintOf(n: number, fingerprint: Fingerprint, out: Int32Array): void {
    fingerprint(this.#records.view, n * this.#stride + 1, out, 0);
  }

  #equal(n: number, high: number, words: Int32Array, at: number): boolean {
    const records = this.#records.view;
    const record = n * this.#stride;
    if (records[record] !== high) return false;
    for (let w = 0; w < this.#stateWords; w++) if (records[record + 1 + w] !== words[at + w]) return false;
    return true;
  }

  #view(): void {
    this.#slots = new Int32Array(this.#table, 0, this.#table.byteLength / 4);
    this.#shift = 32 - Math.log2(this.#table.byteLength / 8);
    this.#limit = maxEntries(this.#table.byteLength / 8);
  }
}
