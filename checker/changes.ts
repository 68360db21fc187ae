/**
 * What a step changed: the words of the state in which two vectors differ, found in one pass.
 *
 * Most steps change a handful of a hundred words, and most of what has to be known of a successor depends on those alone:
 * its fingerprint, the properties to check, the machines that may have moved.
 */
import type { TransitionSystem } from "./system.ts";

/** States of up to so many words are short: they are copied, hashed and compared whole, which is then faster than to keep track. */
export const SHORT_WORDS = 24;

/** The words found by the last `find`. */
export interface Changes {
  /** Ascending; the first so many as `find` returned. */
  readonly words: Int32Array;
  /** Compares the state in the system's `vector` with `before`. */
  find(): number;
}

/** Words compared together, and groups of them that one word of bits tells apart. */
const GROUP = 4;
const GROUPS = 32;

/**
 * Statements that write the numbers of the words in which `a` and `b` differ to `found[0]`, `found[1]`, ...; `n` counts them.
 *
 * Straight-line up to the groups that differ, and the same code for every group: a branch of its own for each would be
 * taken for the first time when the function has long been optimised, and V8 would have to compile it again.
 */
export function comparison(stateWords: number, a: string, b: string, found: string): string {
  const parts: string[] = [];
  for (let from = 0; from < stateWords; from += GROUP * GROUPS) {
    const groups: string[] = [];
    for (let first = from; first < Math.min(stateWords, from + GROUP * GROUPS); first += GROUP) {
      const each = Array.from({ length: Math.min(GROUP, stateWords - first) }, (_, i) => `(${a}[${first + i}] ^ ${b}[${first + i}])`);
      groups.push(`x = ${each.join(" | ")}; groups |= ((x | -x) >>> 31) << ${(first - from) / GROUP};`);
    }
    parts.push(`groups = 0;
  ${groups.join("\n  ")}
  for (; groups !== 0; groups &= groups - 1) {
    const first = ${from} + ${GROUP} * (31 - Math.clz32(groups & -groups)), end = ${stateWords % GROUP === 0 ? `first + ${GROUP}` : `Math.min(first + ${GROUP}, ${stateWords})`};
    for (let w = first; w < end; w++) if (${a}[w] !== ${b}[w]) ${found}[n++] = w;
  }`);
  }
  return `let x = 0, groups = 0;
  ${parts.join("\n  ")}`;
}

/** The array that holds the state before a step, and the changes: the system's own where it has them. */
export function changesOf(system: TransitionSystem): { readonly before: Int32Array; readonly changes: Changes } {
  if (system.before !== undefined && system.changes !== undefined) return { before: system.before, changes: system.changes };
  const before = new Int32Array(system.vector.length);
  const words = new Int32Array(system.stateWords);
  const { vector, stateWords } = system;
  const find = (): number => {
    let n = 0;
    for (let w = 0; w < stateWords; w++) if (vector[w] !== before[w]) words[n++] = w;
    return n;
  };
  return { before, changes: { words, find } };
}
