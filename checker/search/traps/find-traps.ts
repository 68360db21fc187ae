/**
 * Traps: states from which no goal can be reached any more. A goal is an end state or one in which every actor rests, or a state
 * that a scenario names (`recurring`).
 *
 * That a goal is reachable from every state is AG EF goal of branching time logic, and says nothing of fairness: a loop that can
 * be left is no trap, though an unfair schedule may stay in it for ever. It finds livelocks, in which threads move and none
 * can get anywhere, whatever the schedule does.
 *
 * Why it is right: the search has visited every reachable state and taken every step (it is asked only where no bound and no
 * violation ended the search). Each step led to a new state, and is in the predecessor links, or to a known one, and is in the
 * log, or to the state itself, and leads nowhere. So links and log are the whole graph, and the states from which a goal can be
 * reached are those that a search backwards from the goals meets. All others are trapped. Where fingerprints are trusted, two
 * states with equal ones are one here as they are in the search.
 *
 * Backwards means by passes over the levels, last to first: a step mostly leads to the next level, so that one pass settles nearly
 * all states. What is left after a few passes, by loops that lead back, is searched by the reversed steps of those states alone.
 *
 * It must not be asked of a reduced graph unless the reduction keeps to a cycle proviso: a step that is put off for ever around
 * a cycle makes a trap of it. There is no such reduction yet; see `asksForTraps`.
 */
import type { LoggedGraph } from "./graph-log.ts";
import { GraphLog, wordAt } from "./graph-log.ts";

/** A visited table of fingerprints that grows no more. */
export interface FinishedTable {
  readonly slots: number;
  /** Reads the home slot of a fingerprint. */
  touch(high: number): number;
  /** The slot of a fingerprint that is there. */
  find(low: number, high: number): number;
}

export interface StateGraph {
  /** For every level, how many states each worker discovered in it. A state's number is its place in that order. */
  readonly levels: readonly (readonly number[])[];
  /** Of each worker: (parent, ordinal) of each state that it discovered. */
  readonly links: readonly Int32Array[];
  readonly logs: readonly LoggedGraph[];
  /** Null where whole states are compared: the log has the numbers of states. */
  readonly table: FinishedTable | null;
}

/** The traps of one goal. */
export interface Traps {
  /** How many states are a goal. */
  readonly goals: number;
  /** How many states are trapped. */
  readonly states: number;
  /** The level, 0 being that of the initial states, of the nearest trapped states. */
  readonly level: number;
  /** These: their numbers, and the two words of the fingerprint of each. */
  readonly nearest: readonly number[];
  readonly prints: readonly number[];
}

/** Passes before what is left is searched by reversed steps. */
const PASSES = 4;
/** Look-ups whose cache misses overlap. */
const BATCH = 128;

/** Bytes that `findTraps` will take. */
export function bytesForTraps(states: number, steps: number, slots: number): number {
  return 4 * slots + 9 * states + 4 * steps;
}

/** Of each goal, its traps; null: there are none. */
export function findTraps(graph: StateGraph): (Traps | null)[] {
  const steps = graph.logs.map(sourcesOf);
  const numbers = graph.table === null ? null : numbersOf(graph, graph.table);
  return graph.logs[0]!.goals.map((_, goal) => new Backwards(graph, steps, numbers, goal).traps());
}

/** The number of the state in each slot of the table. */
function numbersOf(graph: StateGraph, table: FinishedTable): Int32Array {
  const numbers = new Int32Array(table.slots);
  const low = new Int32Array(BATCH);
  const high = new Int32Array(BATCH);
  /** Keeps the reads of the table from being optimised away. */
  const sink = new Int32Array(1);
  let id = 0;
  forEachPart(graph, (worker, _, begin, end) => {
    const { prints } = graph.logs[worker]!;
    for (let from = begin; from < end; from += BATCH) {
      const n = Math.min(BATCH, end - from);
      // All are touched first: independent loads, whose cache misses overlap.
      let touched = 0;
      for (let k = 0; k < n; k++) {
        low[k] = wordAt(prints, 2 * (from + k));
        high[k] = wordAt(prints, 2 * (from + k) + 1);
        touched ^= table.touch(high[k]!);
      }
      sink[0]! ^= touched;
      for (let k = 0; k < n; k++) numbers[table.find(low[k]!, high[k]!)] = id++;
    }
  });
  return numbers;
}

/** The state that each step of a log starts from. */
function sourcesOf(log: LoggedGraph): Int32Array {
  const sources = new Int32Array(log.targets.length / 2);
  let at = 0;
  GraphLog.sourcesOf(log, (id, steps) => {
    sources.fill(id, at, at + steps);
    at += steps;
  });
  return sources;
}

/** Calls `each` for each worker's part of each level: the parts are the states in order, `begin`..`end` counts the worker's own. */
function forEachPart({ levels }: StateGraph, each: (worker: number, level: number, begin: number, end: number) => void): void {
  const discovered: number[] = levels[0]!.map(() => 0);
  levels.forEach((parts, level) => parts.forEach((count, worker) => {
    each(worker, level, discovered[worker]!, discovered[worker]! + count);
    discovered[worker]! += count;
  }));
}

/** The search backwards from one goal. */
class Backwards {
  readonly #graph: StateGraph;
  /** Of each log, the states that its steps start from. */
  readonly #sources: readonly Int32Array[];
  /** By slot of the table; null where the logs have numbers. */
  readonly #numbers: Int32Array | null;
  readonly #goals: number;
  /** 1: a goal can be reached. */
  readonly #reaches: Uint8Array;
  /** The first state of each level, and the number of all states behind them. */
  readonly #starts: readonly number[];
  /** The workers' parts of the levels, in order: (worker, first state, first of the worker's own). */
  readonly #parts: readonly { readonly worker: number; readonly first: number; readonly own: number; readonly count: number }[][];

  constructor(graph: StateGraph, sources: readonly Int32Array[], numbers: Int32Array | null, goal: number) {
    this.#graph = graph;
    this.#sources = sources;
    this.#numbers = numbers;
    const parts: { worker: number; first: number; own: number; count: number }[][] = graph.levels.map(() => []);
    const starts = [0];
    let first = 0;
    forEachPart(graph, (worker, level, own, end) => {
      parts[level]!.push({ worker, first, own, count: end - own });
      first += end - own;
      starts[level + 1] = first;
    });
    this.#parts = parts;
    this.#starts = starts;
    this.#reaches = new Uint8Array(first);
    let goals = 0;
    for (const log of graph.logs) {
      const ids = log.goals[goal]!;
      for (let i = 0; i < ids.length; i++) this.#reaches[wordAt(ids, i)] = 1;
      goals += ids.length;
    }
    this.#goals = goals;
  }

  traps(): Traps | null {
    let more = this.#goals > 0;
    for (let n = 0; n < PASSES && more; n++) more = this.#pass();
    if (more) this.#searchWhatIsLeft();
    const reaches = this.#reaches;
    let states = 0;
    for (let id = 0; id < reaches.length; id++) states += 1 - reaches[id]!;
    if (states === 0) return null;
    const level = this.#starts.findIndex((end) => end > reaches.indexOf(0)) - 1;
    const nearest: number[] = [];
    const prints: number[] = [];
    for (const { worker, first, own, count } of this.#parts[level]!) {
      const log = this.#graph.logs[worker]!.prints;
      for (let i = 0; i < count; i++) {
        if (reaches[first + i] === 1) continue;
        nearest.push(first + i);
        prints.push(wordAt(log, 2 * (own + i)), wordAt(log, 2 * (own + i) + 1));
      }
    }
    return { goals: this.#goals, states, level, nearest, prints };
  }

  /** From the last level to the first; true when something has changed, so that another pass may change more. */
  #pass(): boolean {
    const reaches = this.#reaches;
    const { links, logs } = this.#graph;
    const left = this.#sources.map((sources) => sources.length);
    let changed = false;
    for (let level = this.#parts.length - 1; level >= 0; level--) {
      const start = this.#starts[level]!;
      logs.forEach((log, worker) => {
        const sources = this.#sources[worker]!;
        let i = left[worker]! - 1;
        for (; i >= 0; i--) {
          const from = sources[i]!;
          if (from < start) break;
          // Most states are settled by then, by a step to a new state: only for the others a target is looked up.
          if (reaches[from] === 0 && reaches[this.#target(log, i)] === 1) {
            reaches[from] = 1;
            changed = true;
          }
        }
        left[worker] = i + 1;
      });
      if (level === 0) continue;
      for (const { worker, first, own, count } of this.#parts[level]!) {
        const parents = links[worker]!;
        for (let i = 0; i < count; i++) {
          const parent = parents[2 * (own + i)]!;
          if (reaches[parent] === 1 || reaches[first + i] === 0) continue;
          reaches[parent] = 1;
          changed = true;
        }
      }
    }
    return changed && reaches.includes(0);
  }

  /** The number of the state that step `i` of a log leads to. */
  #target({ targets }: LoggedGraph, i: number): number {
    const low = wordAt(targets, 2 * i);
    return this.#numbers === null ? low : this.#numbers[this.#graph.table!.find(low, wordAt(targets, 2 * i + 1))]!;
  }

  /** Calls `each` for every step from a state that is not settled. */
  #forEachStep(each: (from: number, to: number) => void): void {
    const reaches = this.#reaches;
    this.#graph.logs.forEach((log, worker) => {
      const sources = this.#sources[worker]!;
      for (let i = 0; i < sources.length; i++) if (reaches[sources[i]!] === 0) each(sources[i]!, this.#target(log, i));
    });
    this.#parts.forEach((parts, level) => {
      if (level === 0) return;
      for (const { worker, first, own, count } of parts) {
        const parents = this.#graph.links[worker]!;
        for (let i = 0; i < count; i++) if (reaches[parents[2 * (own + i)]!] === 0) each(parents[2 * (own + i)]!, first + i);
      }
    });
  }

  /** Searches backwards among the states not settled yet, by compressed rows of their reversed steps. */
  #searchWhatIsLeft(): void {
    const reaches = this.#reaches;
    const rows = new Int32Array(reaches.length);
    let count = 0;
    for (let id = 0; id < reaches.length; id++) if (reaches[id] === 0) rows[id] = count++;
    const begins = new Int32Array(count + 1);
    const settled: number[] = [];
    this.#forEachStep((from, to) => {
      if (reaches[to] === 1) settled.push(from);
      else begins[rows[to]! + 1]!++;
    });
    for (let r = 0; r < count; r++) begins[r + 1]! += begins[r]!;
    const sources = new Int32Array(begins[count]!);
    const filled = begins.slice();
    this.#forEachStep((from, to) => {
      if (reaches[to] === 0) sources[filled[rows[to]!]!++] = from;
    });
    while (settled.length > 0) {
      const id = settled.pop()!;
      if (reaches[id] === 1) continue;
      reaches[id] = 1;
      const r = rows[id]!;
      for (let at = begins[r]!; at < begins[r + 1]!; at++) settled.push(sources[at]!);
    }
  }
}
