/**
 * The oracle of independent.ts: whether the two sides of a small cell commute, by all runs and without a word of what routines
 * may access. In every state in which both have begun, a step of the one and then one of the other lead to the same states as
 * the other way round, and neither makes the other's step possible, impossible, or wrong.
 */
import { forEachStep } from "../../checker/search/steps.ts";
import { choicesOf, type Cell } from "./cells.ts";
import type { Program } from "./program-of.ts";

interface Node {
  readonly words: Int32Array;
  readonly begun: readonly [boolean, boolean];
}

const keyOf = (words: Int32Array): string => Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString("latin1");

/** In how many states both could step, and in how many of them the order made a difference. */
export function commuteNaively({ system }: Program, cell: Cell): { readonly both: number; readonly differ: number } {
  const after = (words: Int32Array, who: number): Int32Array[] => {
    const all: Int32Array[] = [];
    forEachStep(system, words, 0, (actor, _, fault) => {
      // A fault is a state of its own, which is like no other.
      if (actor === who) all.push(fault === null ? system.vector.slice(0, system.stateWords) : new Int32Array([-1]));
    });
    return all;
  };
  const inTurn = (words: Int32Array, first: number, second: number): string =>
    [...new Set(after(words, first).flatMap((w) => (w.length === 1 ? ["fault"] : after(w, second).map(keyOf))))].sort().join("|");
  const count = { both: 0, differ: 0 };
  system.setBranch(choicesOf(cell));
  system.init();
  system.setBranch([]);
  const start: Node = { words: system.vector.slice(0, system.stateWords), begun: [false, false] };
  const seen = new Map<string, Node>([[`${keyOf(start.words)}00`, start]]);
  for (const { words, begun } of seen.values()) {
    forEachStep(system, words, 0, (actor, _, fault) => {
      if (fault !== null || actor > 1) return;
      const begins = system.statistics().some(({ name, value }) => name === "told.begun" && Number(value) > 0);
      const now: Node["begun"] = [begun[0] || (begins && actor === 0), begun[1] || (begins && actor === 1)];
      const next: Node = { words: system.vector.slice(0, system.stateWords), begun: now };
      const key = `${keyOf(next.words)}${Number(now[0])}${Number(now[1])}`;
      if (!seen.has(key)) seen.set(key, next);
    });
    if (!begun[0] || !begun[1] || after(words, 0).length === 0 || after(words, 1).length === 0) continue;
    count.both++;
    if (inTurn(words, 0, 1) !== inTurn(words, 1, 0)) count.differ++;
  }
  return count;
}
