/** The graph of a search that is done, put together from what its workers wrote down. */
import type { Moves } from "../store/moves.ts";
import { BLOCK, type LoggedGraph, type Mark, type Words } from "./graph-log.ts";

export interface StateGraph {
  /** For every level, how many states each worker discovered in it. A state's number is its place in that order. */
  readonly levels: readonly (readonly number[])[];
  /** Of each worker: (parent, ordinal) of each state that it discovered. */
  readonly links: readonly Int32Array[];
  readonly logs: readonly LoggedGraph[];
  readonly space: PlaceSpace;
}

/** The places that states have in the visited set. */
export interface PlaceSpace {
  /** They run from 0 to one less than this. */
  readonly slots: number;
  /** How often the set has grown, which changed them all, and where it is written down how. */
  readonly growths: number;
  readonly moves: Moves | null;
}

/** The states that one worker discovered in one level: they follow one another by number, and in what the worker wrote down. */
export interface Part {
  readonly worker: number;
  /** The number of the first. */
  readonly first: number;
  /** How many states the worker had discovered before. */
  readonly own: number;
  readonly count: number;
}

/** By level. */
export function partsOf(levels: StateGraph["levels"]): Part[][] {
  const discovered: number[] = levels[0]!.map(() => 0);
  let first = 0;
  return levels.map((counts) => counts.map((count, worker) => {
    const part = { worker, first, own: discovered[worker]!, count };
    first += count;
    discovered[worker]! += count;
    return part;
  }));
}

/** Brings the places that were written down before the visited set grew up to date, where they are. */
export function bringUpToDate({ logs, space: { slots, growths, moves } }: StateGraph): void {
  if (growths === 0) return;
  moves!.compose(slots / 2 ** growths, slots);
  for (const log of logs) {
    for (let g = 0; g < growths; g++) {
      const moved = moves!.of(slots / 2 ** (growths - g))!;
      const range = (count: (m: Mark) => number, words: Words): [number, number] => {
        const at = (growth: number): number => (growth < log.growths.length ? count(log.growths[growth]!) : words.length);
        return [g === 0 ? 0 : at(g - 1), at(g)];
      };
      replace(log.places, ...range((m) => m.places, log.places), moved);
      replace(log.targets, ...range((m) => m.steps, log.targets), moved);
    }
  }
}

/** Replaces the words `from`..`to` - 1 by what `by` has for them. */
function replace({ blocks }: Words, from: number, to: number, by: Int32Array): void {
  for (let at = from; at < to;) {
    const block = blocks[Math.floor(at / BLOCK)]!;
    const begin = at % BLOCK;
    const end = Math.min(BLOCK, begin + to - at);
    for (let i = begin; i < end; i++) block[i] = by[block[i]!]!;
    at += end - begin;
  }
}

/** The places of all states, by number. */
export function placesOf(parts: readonly (readonly Part[])[], logs: readonly LoggedGraph[], states: number): Int32Array {
  const places = new Int32Array(states);
  for (const { worker, first, own, count } of parts.flat()) copy(logs[worker]!.places, own, own + count, places, first);
  return places;
}

function copy({ blocks }: Words, from: number, to: number, target: Int32Array, targetAt: number): void {
  for (let at = from; at < to;) {
    const begin = at % BLOCK;
    const end = Math.min(BLOCK, begin + to - at);
    target.set(blocks[Math.floor(at / BLOCK)]!.subarray(begin, end), targetAt + at - from);
    at += end - begin;
  }
}
