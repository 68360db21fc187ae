/** Breadth-first search in the calling thread, level by level: the first violation found is a nearest one. */
import type { TransitionSystem } from "../system.ts";
import { OutOfMemory } from "./column.ts";
import { Discovery } from "./discovery.ts";
import type { Expander } from "./expand.ts";
import { BATCH, makeExpander } from "./expand.ts";
import { makeCopyState, makeFingerprint } from "./fingerprint.ts";
import { Genealogy } from "./genealogy.ts";
import { levelBound, seed } from "./level.ts";
import type { ExploreOptions, Progress, SearchRun } from "./run.ts";
import { Pacer } from "./run.ts";
import { StateIndex } from "./state-index.ts";
import { pathOf } from "./steps.ts";
import type { Visited } from "./visited.ts";
import { FingerprintSet, reserveTable } from "./visited.ts";
import { Watch } from "./watch.ts";

export async function breadthFirst(system: TransitionSystem, options: ExploreOptions): Promise<SearchRun> {
  const pacer = new Pacer(options);
  const search = new LevelSearch(system, options);
  while (search.advance()) {
    if (pacer.due()) search.stopReason ??= await pacer.pause(() => search.progress());
  }
  return search.result();
}

/** States expanded in one go. */
const CHUNK = 512;

/** A breadth-first search that can be advanced bit by bit, and handed over to worker threads at any point. */
export class LevelSearch {
  readonly #system: TransitionSystem;
  readonly #options: ExploreOptions;
  readonly #visited: Visited;
  readonly expander: Expander;
  readonly discovery: Discovery;
  readonly watch: Watch;
  readonly witnessed: Uint8Array;
  /** The visited table, unless whole states are stored. */
  readonly table: SharedArrayBuffer;
  /** Sizes of the levels up to the one being expanded. */
  readonly levels: number[] = [];
  /** Id of the first state of the level being expanded, and the next of its states to expand. */
  firstId = 0;
  cursor = 0;
  #size = 0;
  #frontier: Int32Array = new Int32Array(0);
  #done = false;
  stopReason: string | null = null;

  constructor(system: TransitionSystem, options: ExploreOptions) {
    this.#system = system;
    this.#options = options;
    const fingerprint = makeFingerprint(system.stateWords, options.fingerprintBits, options.seed);
    this.table = reserveTable();
    this.#visited = options.exact ? new StateIndex(system.stateWords, true) : new FingerprintSet(this.table);
    this.discovery = new Discovery(system.stateWords);
    this.watch = new Watch(system, fingerprint);
    this.witnessed = new Uint8Array(system.sometimes.length);
    this.expander = makeExpander({
      system, batch: BATCH, fingerprint, copyState: makeCopyState(system.stateWords),
      visited: this.#visited, discovery: this.discovery, events: this.watch, witnessed: this.witnessed,
    });
    this.#guarded(() => {
      seed(system, this.expander, this.watch);
      this.#beginLevel();
    });
  }

  /** Whether there is anything left to expand. */
  get more(): boolean {
    return !this.#done && this.stopReason === null;
  }

  /** Expands some states; false when the search is over. */
  advance(): boolean {
    if (!this.more) return false;
    this.#guarded(() => {
      const to = Math.min(this.cursor + CHUNK, this.#size);
      this.expander.expand(this.#frontier, this.cursor, to, this.firstId);
      this.cursor = to;
      if (to < this.#size) return;
      this.expander.flush();
      this.firstId += this.#size;
      this.#beginLevel();
    });
    return this.more;
  }

  #beginLevel(): void {
    this.#size = this.discovery.count;
    this.cursor = 0;
    if (this.#size > 0) this.levels.push(this.#size);
    this.#done = this.#size === 0 || this.watch.best !== null;
    if (this.#done) return;
    this.stopReason = levelBound(this.#options, this.firstId + this.#size, this.levels.length, this.#size);
    const level = this.levels.length - 1;
    this.#frontier = this.discovery.frontier(level);
    this.watch.length = level;
    this.discovery.begin(level + 1);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof OutOfMemory)) throw error;
      this.stopReason = `out of memory: ${error.message}`;
    }
  }

  progress(): Omit<Progress, "seconds" | "statesPerSecond"> {
    const states = this.discovery.discovered;
    return { states, transitions: this.expander.transitions, depth: this.levels.length, frontier: states - this.firstId - this.cursor };
  }

  result(): SearchRun {
    const { discovery, watch, levels } = this;
    const states = discovery.discovered;
    // A level that a bound cut off counts as far as it came.
    const reached = levels.reduce((sum, n) => sum + n, 0);
    if (states > reached) levels.push(states - reached);
    const violation = watch.best;
    return {
      complete: this.stopReason === null && violation === null,
      stopReason: violation === null ? this.stopReason : null,
      states,
      transitions: this.expander.transitions,
      depth: levels.length,
      terminals: watch.terminals,
      levels,
      tableBytes: this.#visited.bytes + discovery.links.bytes,
      workers: 1,
      witnessed: this.witnessed,
      violation: violation?.broken ?? null,
      path: violation === null ? null : () => pathOf(this.#system, new Genealogy([discovery.links.view], levels.map((n) => [n])).lineageOf(violation)),
    };
  }
}
