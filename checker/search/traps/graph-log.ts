/**
 * What one worker writes down of the state graph while it searches breadth-first, for the search backwards (`find-traps.ts`).
 *
 * A step to a new state is in the predecessor links already. Of a step to a known state the place of its target is kept: where the
 * visited set has it, which the search has just found out (`Visited.last`). The place of each new state is kept as well. Both are
 * sequential writes of 4 bytes, and nothing is looked up a second time. Whose step it is takes one byte more, for states are
 * expanded in the order of their numbers. A step that changes nothing is left out.
 *
 * When the visited set grows its states get other places. `grew` notes how much was written down before; see `store/moves.ts`.
 */

const LOG_BLOCK = 16;
/** Entries of a block. */
export const BLOCK = 2 ** LOG_BLOCK;

/** An array in blocks: plain, so that a worker thread can post it. */
export interface Blocks<A extends Int32Array | Uint8Array = Int32Array<ArrayBuffer>> {
  readonly blocks: readonly A[];
  readonly length: number;
}
export type Words = Blocks;
export type Bytes = Blocks<Uint8Array<ArrayBuffer>>;

export function entryAt({ blocks }: Words | Bytes, i: number): number {
  return blocks[i >>> LOG_BLOCK]![i & (BLOCK - 1)]!;
}

/** A gap that does not fit a byte: the state is the next one in `jumps`. */
export const JUMP = 255;

/** How much a worker had written down at some moment. */
export interface Mark {
  readonly places: number;
  readonly steps: number;
  readonly jumps: number;
  /** The state that the last step was from. */
  readonly source: number;
}

/** What a worker hands over when the search is done. */
export interface LoggedGraph {
  /** Of each state that the worker discovered, in order, its place. */
  readonly places: Words;
  /** Of each step to a known state, the place of that. */
  readonly targets: Words;
  /** Of each such step, how far the state that it is from is behind that of the step before it; or `JUMP`. */
  readonly gaps: Bytes;
  readonly jumps: Words;
  /** By goal: the states that are one. */
  readonly goals: readonly Words[];
  /** At the end of the expansion of each level, beginning with the initial one. */
  readonly levels: readonly Mark[];
  /** When the worker noticed that the places had changed; as often as they did before it wrote its last. */
  readonly growths: readonly Mark[];
}

/** Where there is no memory for more, a log forgets what it has, and says so. */
class WordLog implements Words {
  readonly blocks: Int32Array<ArrayBuffer>[] = [];
  failed = false;
  #block = new Int32Array(0);
  #at = 0;

  get length(): number {
    return this.blocks.length === 0 ? 0 : (this.blocks.length - 1) * BLOCK + this.#at;
  }

  push(word: number): void {
    if (this.#at === this.#block.length) this.#more();
    this.#block[this.#at++] = word;
  }
  /** The first `n` of `words`. */
  pushAll(words: Int32Array, n: number): void {
    for (let i = 0; i < n; i++) this.push(words[i]!);
  }
  fail(): void {
    this.blocks.length = 0;
    this.failed = true;
  }

  #more(): void {
    this.#at = 0;
    try {
      // One that has failed overwrites its block.
      if (!this.failed || this.#block.length === 0) this.#block = new Int32Array(BLOCK);
      if (!this.failed) this.blocks.push(this.#block);
    } catch {
      this.fail();
      this.#block = new Int32Array(64);
    }
  }
}

/** Steps: a target and a gap of each. */
class StepLog {
  readonly targets: Int32Array<ArrayBuffer>[] = [];
  readonly gaps: Uint8Array<ArrayBuffer>[] = [];
  readonly jumps = new WordLog();
  failed = false;
  source = 0;
  #targets = new Int32Array(0);
  #gaps = new Uint8Array(0);
  #at = 0;

  get length(): number {
    return this.targets.length === 0 ? 0 : (this.targets.length - 1) * BLOCK + this.#at;
  }

  push(from: number, target: number): void {
    if (this.#at === this.#targets.length) this.#more();
    const at = this.#at;
    const gap = from - this.source;
    this.#targets[at] = target;
    this.#gaps[at] = gap;
    if (gap < 0 || gap >= JUMP) {
      this.#gaps[at] = JUMP;
      this.jumps.push(from);
    }
    this.source = from;
    this.#at = at + 1;
  }
  fail(): void {
    this.targets.length = 0;
    this.gaps.length = 0;
    this.jumps.fail();
    this.failed = true;
  }

  #more(): void {
    this.#at = 0;
    try {
      if (!this.failed || this.#targets.length === 0) {
        this.#targets = new Int32Array(BLOCK);
        this.#gaps = new Uint8Array(BLOCK);
      }
      if (this.failed) return;
      this.targets.push(this.#targets);
      this.gaps.push(this.#gaps);
    } catch {
      this.fail();
      this.#targets = new Int32Array(64);
      this.#gaps = new Uint8Array(64);
    }
  }
}

export class GraphLog {
  readonly #places = new WordLog();
  readonly #steps = new StepLog();
  readonly #goals: readonly WordLog[];
  readonly #levels: Mark[] = [];
  readonly #growths: Mark[] = [];

  /** `goals`: how many there are. */
  constructor(goals: number) {
    this.#goals = Array.from({ length: goals }, () => new WordLog());
  }

  get bytes(): number {
    return 4 * this.#places.length + 5 * this.#steps.length;
  }

  /** The next `n` states that this worker discovers are at these places. */
  discovered(places: Int32Array, n: number): void {
    this.#places.pushAll(places, n);
  }

  /** A step of state `from` to a state that was known, at this place. */
  known(from: number, place: number): void {
    this.#steps.push(from, place);
  }

  /** State `id` is a goal. */
  reached(goal: number, id: number): void {
    this.#goals[goal]!.push(id);
  }

  /** Places have changed so many times by now. */
  grew(generation: number): void {
    while (this.#growths.length < generation) this.#growths.push(this.#mark());
  }

  /** All steps from the states of level `level` have been written down. A worker that joins late has none of the levels before. */
  endLevel(level: number): void {
    while (this.#levels.length <= level) this.#levels.push(this.#mark());
  }

  /** There is no memory for it: forgets all, and what is written from then on. */
  drop(): void {
    for (const log of [this.#places, this.#steps, ...this.#goals]) log.fail();
  }
  get dropped(): boolean {
    return [this.#places, this.#steps, this.#steps.jumps, ...this.#goals].some((log) => log.failed);
  }

  /** Null when it was dropped. */
  finish(): LoggedGraph | null {
    if (this.dropped) return null;
    const { length, targets, gaps, jumps } = this.#steps;
    const plain = ({ blocks, length: n }: WordLog): Words => ({ blocks, length: n });
    return {
      places: plain(this.#places), targets: { blocks: targets, length }, gaps: { blocks: gaps, length }, jumps: plain(jumps),
      goals: this.#goals.map(plain), levels: this.#levels, growths: this.#growths,
    };
  }

  /** The buffers of a log, to be handed over rather than copied. */
  static buffers({ places, targets, gaps, jumps, goals }: LoggedGraph): ArrayBuffer[] {
    return [places, targets, gaps, jumps, ...goals].flatMap((log) => log.blocks.map((b) => b.buffer));
  }

  #mark(): Mark {
    const { length: steps, jumps, source } = this.#steps;
    return { places: this.#places.length, steps, jumps: jumps.length, source };
  }
}

/** Steps that lie in one block: `begin`..`end` - 1 of `targets` and `gaps`. */
export interface Run {
  targets: Int32Array;
  gaps: Uint8Array;
  begin: number;
  end: number;
  /** The state that the step before the first is from, and the next jump; brought up to date by whoever goes through the run. */
  from: number;
  jump: number;
}

/** Calls `each` with the runs of the steps that a worker wrote down of one level, in order. */
export function forEachRun({ targets, gaps, levels }: LoggedGraph, level: number, each: (run: Run) => void): void {
  const { steps: first, jumps: jump, source: from } = level === 0 ? { steps: 0, jumps: 0, source: 0 } : levels[level - 1]!;
  const run: Run = { targets: new Int32Array(0), gaps: new Uint8Array(0), begin: 0, end: 0, from, jump };
  for (let left = levels[level]!.steps - first, at = first; left > 0;) {
    run.targets = targets.blocks[at >>> LOG_BLOCK]!;
    run.gaps = gaps.blocks[at >>> LOG_BLOCK]!;
    run.begin = at & (BLOCK - 1);
    run.end = Math.min(BLOCK, run.begin + left);
    each(run);
    left -= run.end - run.begin;
    at += run.end - run.begin;
  }
}

/** Calls `each` for each step of a run, with the state that it is from and the place of its target. */
export function forEachStepOf(run: Run, jumps: Words, each: (from: number, target: number) => void): void {
  for (let i = run.begin; i < run.end; i++) {
    const gap = run.gaps[i]!;
    run.from = gap === JUMP ? entryAt(jumps, run.jump++) : run.from + gap;
    each(run.from, run.targets[i]!);
  }
}
