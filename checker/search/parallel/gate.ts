/**
 * The gate of a shared visited table: workers go in to add a batch of states; when the table must grow, one of them
 * waits until all are out, and those that come to the gate meanwhile help to move the entries.
 */
import { wordsOf, type GrowingBuffer } from "../store/column.ts";
import { planRanges } from "../store/ranges.ts";
import type { Moves } from "../store/moves.ts";
import { ENTRIES_ONLY, LEFTOVER, claim, doubleBuffer, doubleInPlace, moveRange, type Leftovers } from "../store/visited.ts";
import { LINE_WORDS } from "./cache-line.ts";

// Words of the gate, each in a cache line of its own.

/** What goes on at the gate; one of OPEN, ... */
const STATE = 0 * LINE_WORDS;
/** Times the table has grown: a worker that knows another number has an old view. */
const GENERATION = 1 * LINE_WORDS;
/** The next range to move, and the ranges that are done. */
const NEXT = 2 * LINE_WORDS;
const DONE = 3 * LINE_WORDS;
/** Workers that help the one that leads. */
const HELPERS = 4 * LINE_WORDS;
/** Of each worker, a line apart: 1 while it is inside. */
const INSIDE = 5 * LINE_WORDS;

const OPEN = 0;
/** One worker, the leader, waits for the others to come out. */
const CLOSED = 1;
/** Whoever comes may help. */
const MOVING = 2;
/** The leader waits for the helpers to finish. */
const CLOSING = 3;

/** Tables of fewer slots are moved by the leader alone: that takes less time than to wake a helper. */
const WORTH_HELP_SLOTS = 2 ** 17;

/** What stands behind the gate. */
export interface Grown {
  readonly table: GrowingBuffer;
  /** Where it is written down which places change when the table grows; null: nowhere. */
  readonly moves: Moves | null;
}

export class Gate {
  readonly #words: Int32Array;
  readonly #me: number;
  readonly #assertAllAlive: () => void;

  /** `assertAllAlive` throws when a worker has died: nobody must wait for that one. */
  constructor(words: Int32Array, me: number, assertAllAlive: () => void) {
    this.#words = words;
    this.#me = me;
    this.#assertAllAlive = assertAllAlive;
  }

  static wordCount(workers: number): number {
    return INSIDE + workers * LINE_WORDS;
  }

  /**
   * Goes in and returns the table's generation; the caller must `leave` soon. Sequentially consistent stores and loads
   * make this Dekker's protocol: either the leader sees this worker inside, or this worker sees the gate closed.
   */
  enter(grown: Grown): number {
    const words = this.#words;
    const inside = INSIDE + this.#me * LINE_WORDS;
    for (;;) {
      Atomics.store(words, inside, 1);
      if (Atomics.load(words, STATE) === OPEN) return Atomics.load(words, GENERATION);
      this.leave();
      this.#assertAllAlive();
      if (Atomics.load(words, STATE) === MOVING) this.#help(grown);
      // The leader wakes those that wait, whatever the state was when they began to.
      const state = Atomics.load(words, STATE);
      if (state !== OPEN) Atomics.wait(words, STATE, state, 100);
    }
  }

  leave(): void {
    const inside = INSIDE + this.#me * LINE_WORDS;
    Atomics.store(this.#words, inside, 0);
    if (Atomics.load(this.#words, STATE) === CLOSED) Atomics.notify(this.#words, inside);
  }

  /**
   * Doubles the table if `tooSmall` still says so once every worker of `workers` is out. Does nothing when another worker has
   * begun to. Called from outside.
   */
  grow(grown: Grown, workers: number, tooSmall: () => boolean): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, STATE, OPEN, CLOSED) !== OPEN) return;
    try {
      for (let w = 0; w < workers; w++) {
        while (Atomics.load(words, INSIDE + w * LINE_WORDS) === 1) {
          this.#assertAllAlive();
          Atomics.wait(words, INSIDE + w * LINE_WORDS, 1, 1);
        }
      }
      if (tooSmall()) {
        if (workers === 1 || grown.table.byteLength / 8 < WORTH_HELP_SLOTS) doubleInPlace(grown.table, grown.moves);
        else this.#lead(grown);
        Atomics.add(words, GENERATION, 1);
      }
    } finally {
      Atomics.store(words, STATE, OPEN);
      Atomics.notify(words, STATE);
    }
  }

  #lead(grown: Grown): void {
    const words = this.#words;
    const slots = grown.table.byteLength / 8;
    doubleBuffer(grown.table);
    grown.moves?.begin(slots);
    Atomics.store(words, NEXT, 0);
    Atomics.store(words, DONE, 0);
    Atomics.store(words, STATE, MOVING);
    Atomics.notify(words, STATE);
    this.#move(grown);
    Atomics.store(words, STATE, CLOSING);
    for (let n = Atomics.load(words, HELPERS); n > 0; n = Atomics.load(words, HELPERS)) {
      this.#assertAllAlive();
      Atomics.wait(words, HELPERS, n, 1);
    }
  }

  /** Again Dekker's protocol: either the leader sees this helper and waits for it, or the helper sees that it is late. */
  #help(grown: Grown): void {
    const words = this.#words;
    Atomics.add(words, HELPERS, 1);
    if (Atomics.load(words, STATE) === MOVING) this.#move(grown);
    Atomics.sub(words, HELPERS, 1);
    Atomics.notify(words, HELPERS);
  }

  /** Moves ranges until none is left to take, waits for those that others have taken, and adds the own leftovers. */
  #move({ table: buffer, moves }: Grown): void {
    const words = this.#words;
    const table = wordsOf(buffer, buffer.byteLength / 4);
    const moved = moves?.of(table.length / 4) ?? null;
    const ranges = planRanges(table.length / 4);
    const leftovers: Leftovers = [];
    const awaitDone = (n: number): void => {
      for (let done = Atomics.load(words, DONE); done < n; done = Atomics.load(words, DONE)) {
        this.#assertAllAlive();
        Atomics.wait(words, DONE, done, 1);
      }
    };
    for (let i = Atomics.add(words, NEXT, 1); i < ranges.length; i = Atomics.add(words, NEXT, 1)) {
      const { from, to, after } = ranges[i]!;
      awaitDone(after);
      moveRange(table, from, to, leftovers, { ...ENTRIES_ONLY, moved });
      Atomics.add(words, DONE, 1);
      Atomics.notify(words, DONE);
    }
    awaitDone(ranges.length);
    const shift = 32 - Math.log2(table.length / 2);
    for (let i = 0; i < leftovers.length; i += LEFTOVER) {
      const high = leftovers[i + 2]!;
      const slot = claim(table, table.length - 1, (high >>> shift) << 1, leftovers[i]!, high);
      if (moved !== null) moved[leftovers[i + 3]!] = slot;
    }
  }
}
