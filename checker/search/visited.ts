/**
 * The visited set: open addressing over shared memory, 8 bytes a slot, linear probing.
 *
 * The home slot of a fingerprint is the *top* bits of its high half. Doubling therefore maps slot s to 2s or 2s+1,
 * keeps the order, and can be done in place from the end to the start, streaming through memory: the peak is the
 * table itself.
 */
import { OutOfMemory, reserveShared } from "./column.ts";

/** What a search asks of a visited set. `add` is true when the state was not there. */
export interface Visited {
  /** Bytes held now, which is also the peak: nothing shrinks and growth makes no copy. */
  readonly bytes: number;
  /** Called before up to `n` adds; grows when they might not fit. Throws OutOfMemory. */
  prepare(n: number): void;
  /** Reads the home slot of a fingerprint. Independent reads overlap their cache misses; a chain of probes cannot. */
  touch(high: number): number;
  /** `words[at]...` is the state; only the exact set reads it. */
  add(low: number, high: number, words: Int32Array, at: number): boolean;
  /** Called after the adds that `prepare` announced; `added` of them were new. */
  finish(added: number): void;
}

/** Slots are at most this full: beyond it, probe sequences of linear probing get long (Knuth 6.4: 13 probes a miss at 0.8). */
const MAX_LOAD = 0.8;
const FIRST_LOG_SLOTS = 13;
/** 4 GiB of table, 430 million states: word indices stay below 2^30, in the range V8 handles as small integers. */
export const MAX_LOG_SLOTS = 29;

export function reserveTable(): SharedArrayBuffer {
  return reserveShared(8 * 2 ** FIRST_LOG_SLOTS, 8 * 2 ** MAX_LOG_SLOTS);
}

/** Entries that a table of so many slots takes before it must double. */
export function maxEntries(slots: number): number {
  return Math.floor(slots * MAX_LOAD);
}

/**
 * Doubles the table in `buffer` in place. The second word of a slot is the high half of its fingerprint or, given
 * `records`, the number (from 1) of the record that begins with it; a record has `stride` words.
 */
export function doubleInPlace(buffer: SharedArrayBuffer, records: Int32Array | null = null, stride: number = 1): void {
  const oldSlots = buffer.byteLength / 8;
  const logSlots = Math.log2(oldSlots) + 1;
  if (logSlots > MAX_LOG_SLOTS || 2 * buffer.byteLength > buffer.maxByteLength) {
    throw new OutOfMemory(`the visited table is full at ${oldSlots} slots and cannot double`);
  }
  try {
    buffer.grow(2 * buffer.byteLength);
  } catch {
    throw new OutOfMemory(`no memory to double the visited table of ${oldSlots} slots`);
  }
  const words = new Int32Array(buffer, 0, buffer.byteLength / 4);
  const end = words.length;
  const shift = 32 - logSlots;
  // Invariant: the words from p on hold only entries placed from their new home on, so a probe that stays there meets
  // no entry that has yet to move. An entry whose new home lies before its old place p, or whose probe runs into the
  // end and would wrap around, is set aside: those are entries of the first cluster and a few of the last.
  const aside: number[] = [];
  for (let p = 2 * oldSlots - 2; p >= 0; p -= 2) {
    const first = words[p]!;
    if (first === 0) continue;
    const second = words[p + 1]!;
    words[p] = 0;
    words[p + 1] = 0;
    const high = records === null ? second : records[(second - 1) * stride]!;
    let q = (high >>> shift) << 1;
    if (q < p) q = end;
    else while (q < end && words[q] !== 0) q += 2;
    if (q === end) aside.push(first, second, high);
    else {
      words[q] = first;
      words[q + 1] = second;
    }
  }
  for (let i = 0; i < aside.length; i += 3) {
    let q = (aside[i + 2]! >>> shift) << 1;
    while (words[q] !== 0) q = (q + 2) & (end - 1);
    words[q] = aside[i]!;
    words[q + 1] = aside[i + 1]!;
  }
}

/** Fingerprints, for one worker. A slot is (low, high); low is 0 in an empty slot. */
export class FingerprintSet implements Visited {
  readonly #buffer: SharedArrayBuffer;
  // Not private: the search reads them in its hottest loop, and V8 inlines plain fields best.
  table: Int32Array;
  mask = 0;
  shift = 0;
  count = 0;
  #limit = 0;

  constructor(buffer: SharedArrayBuffer = reserveTable()) {
    this.#buffer = buffer;
    this.table = new Int32Array(0);
    this.#view();
  }

  get bytes(): number {
    return this.#buffer.byteLength;
  }

  prepare(n: number): void {
    while (this.count + n > this.#limit) {
      doubleInPlace(this.#buffer);
      this.#view();
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
      const seen = table[i]!;
      if (seen === 0) {
        table[i] = low;
        table[i + 1] = high;
        return true;
      }
      if (seen === low && table[i + 1] === high) return false;
      i = (i + 2) & mask;
    }
  }

  finish(added: number): void {
    this.count += added;
  }

  #view(): void {
    const words = this.#buffer.byteLength / 4;
    this.table = new Int32Array(this.#buffer, 0, words);
    this.mask = words - 1;
    this.shift = 32 - Math.log2(words / 2);
    this.#limit = maxEntries(words / 2);
  }
}
