/**
 * The visited set: open addressing over shared memory, 8 bytes a slot, linear probing.
 *
 * The home slot of a fingerprint is the *top* bits of its high half. Doubling therefore maps slot s to 2s or 2s+1,
 * keeps the order, and can be done in place from the end to the start, streaming through memory: the peak is the
 * table itself.
 */
import { OutOfMemory, reserveShared, wordsOf, type GrowingBuffer } from "./column.ts";
import type { Moves } from "./moves.ts";

/** What a search asks of a visited set. `add` is true when the state was not there. */
export interface Visited {
  /** Bytes held now, which is also the peak: nothing shrinks and growth makes no copy. */
  readonly bytes: number;
  /** Called before up to `n` adds; grows when they might not fit. Throws OutOfMemory. */
  prepare(n: number): void;
  /** Reads the home slot of a fingerprint. Independent reads overlap their cache misses; a chain of probes cannot. */
  touch(high: number): number;
  /** Whether `add` reads the state: only the exact set does. */
  readonly comparesStates: boolean;
  /**
   * The place of the state that was added, or found, last: its slot or, in a set that numbers its states, its number. Slots are
   * others after the table has grown.
   */
  readonly last: number;
  /** How often places have changed, as of the last `prepare`. */
  readonly generation: number;
  /** `words[at]...` is the state. */
  add(low: number, high: number, words: Int32Array, at: number): boolean;
  /** Called after the adds that `prepare` announced; `added` of them were new. */
  finish(added: number): void;
}

/** Slots are at most this full: beyond it, probe sequences of linear probing get long (Knuth 6.4: 13 probes a miss at 0.8). */
const MAX_LOAD = 0.8;
const FIRST_LOG_SLOTS = 13;
/** 4 GiB of table, 430 million states: word indices stay below 2^30, in the range V8 handles as small integers. */
export const MAX_LOG_SLOTS = 29;

/** A table for `expected` states: so many need no doubling, and more are no harm. */
export function reserveTable(expected: number = 0): SharedArrayBuffer {
  return reserveShared(tableBytes(expected), 8 * 2 ** MAX_LOG_SLOTS);
}

/** Bytes of such a table. */
export function tableBytes(expected: number): number {
  return 8 * 2 ** Math.min(MAX_LOG_SLOTS, Math.max(FIRST_LOG_SLOTS, Math.ceil(Math.log2((expected + 1) / MAX_LOAD))));
}

/** Entries that a table of so many slots takes before it must double. */
export function maxEntries(slots: number): number {
  return Math.floor(slots * MAX_LOAD);
}

/** Grows `buffer` to twice its size, with the new half empty. Throws OutOfMemory. */
export function doubleBuffer(buffer: GrowingBuffer): void {
  const slots = buffer.byteLength / 8;
  if (slots >= 2 ** MAX_LOG_SLOTS || 2 * buffer.byteLength > buffer.maxByteLength) {
    throw new OutOfMemory(`the visited table is full at ${slots} slots and cannot double`);
  }
  try {
    buffer.grow(2 * buffer.byteLength);
  } catch {
    throw new OutOfMemory(`no memory to double the visited table of ${slots} slots`);
  }
}

/** Entries that could not be placed in their range: first word, second word and high half of the fingerprint of each, and its old slot. */
export type Leftovers = number[];
export const LEFTOVER = 4;

/** What else is to be done when the entries of a table move. */
export interface Moving {
  /** Where the new slot of each entry is written down, by old slot; null: nowhere. */
  readonly moved: Int32Array | null;
  /** Given these, the second word of a slot is the number (from 1) of the record that begins with the high half of the fingerprint. */
  readonly records: Int32Array | null;
  /** Words of a record. */
  readonly stride: number;
}
export const ENTRIES_ONLY: Moving = { moved: null, records: null, stride: 1 };

/**
 * Moves the entries of the old slots `from`..`to` - 1 to their new places, all within the new slots `2 * from`..`2 * to` - 1.
 * `table` has been doubled, and the old slots from `to` on have been moved. Ranges that do not overlap, nor each
 * with the new slots of the other, can be moved at the same time.
 *
 * Invariant: of the new slots of the range, those from the old slot p on hold only entries placed by a probe from their new
 * home, so a probe that stays there meets no entry that has yet to move. An entry whose new home lies before p, or
 * outside the range, or whose probe leaves it, becomes a leftover: these are displaced entries at the edges of
 * ranges and in the first cluster of the table. Leftovers are added as if new when every range is done.
 */
export function moveRange(
  table: Int32Array, from: number, to: number, leftovers: Leftovers, { moved, records, stride }: Moving = ENTRIES_ONLY,
): void {
  const shift = 32 - Math.log2(table.length / 2);
  const begin = 4 * from;
  const end = 4 * to;
  for (let p = 2 * (to - 1); p >= 2 * from; p -= 2) {
    const first = table[p]!;
    if (first === 0) continue;
    const second = table[p + 1]!;
    table[p] = 0;
    table[p + 1] = 0;
    const high = records === null ? second : records[(second - 1) * stride]!;
    let q = (high >>> shift) << 1;
    if (q < p || q < begin) q = end;
    else while (q < end && table[q] !== 0) q += 2;
    if (q >= end) leftovers.push(first, second, high, p >>> 1);
    else {
      table[q] = first;
      table[q + 1] = second;
      if (moved !== null) moved[p >>> 1] = q >>> 1;
    }
  }
}

/** Doubles the table in `buffer`, on one thread. */
export function doubleInPlace(buffer: GrowingBuffer, moves: Moves | null, numbered: Omit<Moving, "moved"> = ENTRIES_ONLY): void {
  const oldSlots = buffer.byteLength / 8;
  doubleBuffer(buffer);
  moves?.begin(oldSlots);
  const moved = moves?.of(oldSlots) ?? null;
  const table = wordsOf(buffer, buffer.byteLength / 4);
  const mask = table.length - 1;
  const shift = 32 - Math.log2(table.length / 2);
  const leftovers: Leftovers = [];
  moveRange(table, 0, oldSlots, leftovers, { ...numbered, moved });
  for (let i = 0; i < leftovers.length; i += LEFTOVER) {
    let q = (leftovers[i + 2]! >>> shift) << 1;
    while (table[q] !== 0) q = (q + 2) & mask;
    table[q] = leftovers[i]!;
    table[q + 1] = leftovers[i + 1]!;
    if (moved !== null) moved[leftovers[i + 3]!] = q >>> 1;
  }
}

/**
 * Adds a fingerprint that several workers may be adding. Returns its slot when it was not there, and otherwise -1 less its slot.
 * `home` is the first word of its home slot, `mask` one less than the words of the table.
 *
 * An empty slot is claimed by a compare-and-exchange of its low word from 0; the high word follows. A worker that
 * meets its own low word waits until the high word is there. Neither word is ever 0 or changes once set, so plain
 * loads serve as the fast path: a stale 0 is found out by the exchange. All workers that add the same fingerprint
 * walk the same slots, and exactly one of them claims the first empty one.
 */
export function claim(table: Int32Array, mask: number, home: number, low: number, high: number): number {
  let i = home;
  for (;;) {
    let seen = table[i]!;
    if (seen === 0) {
      seen = Atomics.compareExchange(table, i, 0, low);
      if (seen === 0) {
        // Plain: a worker that waits for it reads 0 or this, and the batch ends with an atomic operation.
        table[i + 1] = high;
        return i >> 1;
      }
    }
    if (seen === low) {
      let other = table[i + 1]!;
      while (other === 0) other = Atomics.load(table, i + 1);
      if (other === high) return ~(i >> 1);
    }
    i = (i + 2) & mask;
  }
}

/** Fingerprints, for one worker. A slot is (low, high); low is 0 in an empty slot. */
export class FingerprintSet implements Visited {
  readonly comparesStates = false;
  readonly #buffer: GrowingBuffer;
  readonly #moves: Moves | null;
  // Not private: the search reads them in its hottest loop, and V8 inlines plain fields best.
  table: Int32Array;
  mask = 0;
  shift = 0;
  count = 0;
  last = -1;
  generation = 0;
  /** Entries that fit before the table must double. */
  limit = 0;

  /** `moves`: where it is written down which places change when the table grows. */
  constructor(buffer: GrowingBuffer = reserveTable(), moves: Moves | null = null) {
    this.#buffer = buffer;
    this.#moves = moves;
    this.table = new Int32Array(0);
    this.#view();
  }

  get bytes(): number {
    return this.#buffer.byteLength;
  }

  prepare(n: number): void {
    while (this.count + n > this.limit) {
      doubleInPlace(this.#buffer, this.#moves);
      this.generation++;
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
        this.last = i >> 1;
        return true;
      }
      if (seen === low && table[i + 1] === high) {
        this.last = i >> 1;
        return false;
      }
      i = (i + 2) & mask;
    }
  }

  finish(added: number): void {
    this.count += added;
  }

  #view(): void {
    const words = this.#buffer.byteLength / 4;
    this.table = wordsOf(this.#buffer, words);
    this.mask = words - 1;
    this.shift = 32 - Math.log2(words / 2);
    this.limit = maxEntries(words / 2);
  }
}
