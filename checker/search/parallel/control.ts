/**
 * How the workers of a search agree: a few shared words, a meeting at the end of each level, and the gate of the
 * visited table.
 */
import { Gate } from "./gate.ts";
import { SEARCH_WORKERS_MAX } from "../run.ts";
import { LINE_WORDS } from "./cache-line.ts";

// Words that all workers share, each in a cache line of its own.
/** Why workers must stop before the search is done; one of STOP_*. */
const STOP = 0 * LINE_WORDS;
const ARRIVED = 1 * LINE_WORDS;
const ROUND = 2 * LINE_WORDS;
/** States in the table, as of the batches that are finished. */
const COUNT = 3 * LINE_WORDS;
/** Next state to take of an even level; the line after it, of an odd one. */
const CURSOR = 4 * LINE_WORDS;
/** 1 when the last to arrive decided to go on. */
const GO_ON = 6 * LINE_WORDS;
const LEVEL = 7 * LINE_WORDS;
/** States of the levels before LEVEL. */
const EXPANDED = 8 * LINE_WORDS;
/** Helpers that are ready to join. */
const READY = 9 * LINE_WORDS;
/** 1 when workers must give up writing the graph down. */
const GRAPH_DROPPED = 10 * LINE_WORDS;
const WORKERS = 11 * LINE_WORDS;
// Of each worker, from WORKERS + worker * LINE_WORDS:
/** States discovered in the even level; the word after it, in the odd one. */
const LEVEL_COUNT = 0;
const VIOLATED = 2;
const DISCOVERED = 3;
/** Two words: transitions modulo 2^30, and above. */
const TRANSITIONS = 4;

export const STOP_ASKED = 1;
export const STOP_OUT_OF_MEMORY = 2;
/** A worker died; nobody may wait for it. */
export const STOP_FAILED = 3;

/** Turns at the barrier before a worker sleeps: levels are often so small that sleeping would cost more than they. */
const SPINS = 2000;

export class Control {
  readonly words: Int32Array;
  /** Workers that take part; the first of them grows it from 1 when the others join. */
  workers: number;
  readonly me: number;
  readonly gate: Gate;

  constructor(buffer: SharedArrayBuffer, workers: number, me: number) {
    const gateWords = Gate.wordCount(SEARCH_WORKERS_MAX);
    this.words = new Int32Array(buffer, 4 * gateWords);
    this.workers = workers;
    this.me = me;
    this.gate = new Gate(new Int32Array(buffer, 0, gateWords), me, () => {
      if (this.stopped === STOP_FAILED) throw new Error("[thpcheck internal] another thread of the search has failed");
    });
  }

  static allocate(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (Gate.wordCount(SEARCH_WORKERS_MAX) + WORKERS + workers * LINE_WORDS));
  }

  // --- stopping -------------------------------------------------------------------------------------------------

  stop(reason: number): void {
    Atomics.compareExchange(this.words, STOP, 0, reason);
    if (reason === STOP_FAILED) {
      Atomics.store(this.words, STOP, reason);
      Atomics.notify(this.words, ROUND);
    }
  }
  get stopped(): number {
    return Atomics.load(this.words, STOP);
  }

  /** There is no memory to write the graph down: the search goes on without. */
  dropGraph(): void {
    Atomics.store(this.words, GRAPH_DROPPED, 1);
  }
  get graphDropped(): boolean {
    return Atomics.load(this.words, GRAPH_DROPPED) === 1;
  }

  // --- joining --------------------------------------------------------------------------------------------------

  /** Says that this helper can join. */
  ready(): void {
    Atomics.add(this.words, READY, 1);
  }
  get readyHelpers(): number {
    return Atomics.load(this.words, READY);
  }

  // --- levels ---------------------------------------------------------------------------------------------------

  /** Takes the next `n` states of a level; returns the first of them, which may lie beyond its end. */
  take(level: number, n: number): number {
    return Atomics.add(this.words, CURSOR + (level & 1) * LINE_WORDS, n);
  }
  publishCount(level: number, count: number, violated: boolean): void {
    Atomics.store(this.words, this.#mine(LEVEL_COUNT + (level & 1)), count);
    Atomics.store(this.words, this.#mine(VIOLATED), violated ? 1 : 0);
  }
  /** How many states each worker discovered in `level`, which must be the one being built or expanded. */
  counts(level: number): number[] {
    return Array.from({ length: this.workers }, (_, w) => Atomics.load(this.words, WORKERS + w * LINE_WORDS + LEVEL_COUNT + (level & 1)));
  }
  anyViolation(): boolean {
    for (let w = 0; w < this.workers; w++) if (Atomics.load(this.words, WORKERS + w * LINE_WORDS + VIOLATED) === 1) return true;
    return false;
  }

  /**
   * Says that this worker has finished building `level`; the last to say so calls `goOn` and lets all go on.
   * `before`: states of the levels before it. Returns the round to ask `met` about.
   */
  arrive(level: number, before: number, goOn: () => boolean): number {
    const { words } = this;
    const round = Atomics.load(words, ROUND);
    if (Atomics.add(words, ARRIVED, 1) === this.workers - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.store(words, CURSOR + (level & 1) * LINE_WORDS, 0);
      Atomics.store(words, LEVEL, level);
      Atomics.store(words, EXPANDED, before);
      Atomics.store(words, GO_ON, goOn() ? 1 : 0);
      Atomics.add(words, ROUND, 1);
      Atomics.notify(words, ROUND);
    }
    return round;
  }
  /** Waits up to `ms` milliseconds for all workers to arrive; whether they have. */
  met(round: number, ms: number): boolean {
    const { words } = this;
    for (let i = 0; i < SPINS && Atomics.load(words, ROUND) === round; i++);
    if (Atomics.load(words, ROUND) === round) Atomics.wait(words, ROUND, round, ms);
    return Atomics.load(words, ROUND) !== round;
  }
  /** What the last to arrive decided. */
  get goesOn(): boolean {
    return Atomics.load(this.words, GO_ON) === 1;
  }

  // --- the visited table ----------------------------------------------------------------------------------------

  get count(): number {
    return Atomics.load(this.words, COUNT);
  }
  addCount(n: number): void {
    Atomics.add(this.words, COUNT, n);
  }

  // --- progress -------------------------------------------------------------------------------------------------

  publishProgress(discovered: number, transitions: number): void {
    Atomics.store(this.words, this.#mine(DISCOVERED), discovered);
    Atomics.store(this.words, this.#mine(TRANSITIONS), transitions % 2 ** 30);
    Atomics.store(this.words, this.#mine(TRANSITIONS + 1), Math.floor(transitions / 2 ** 30));
  }
  progress(): { states: number; transitions: number; depth: number; frontier: number } {
    const { words } = this;
    const level = Atomics.load(words, LEVEL);
    let states = 0;
    let transitions = 0;
    for (let w = 0; w < this.workers; w++) {
      const at = WORKERS + w * LINE_WORDS;
      states += Atomics.load(words, at + DISCOVERED);
      transitions += Atomics.load(words, at + TRANSITIONS) + Atomics.load(words, at + TRANSITIONS + 1) * 2 ** 30;
    }
    const size = this.counts(level).reduce((sum, n) => sum + n, 0);
    const taken = Math.min(size, Atomics.load(words, CURSOR + (level & 1) * LINE_WORDS));
    return { states, transitions, depth: level + 1, frontier: Math.max(0, states - Atomics.load(words, EXPANDED) - taken) };
  }

  #mine(word: number): number {
    return WORKERS + this.me * LINE_WORDS + word;
  }
}
