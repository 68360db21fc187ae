/** Emits the comparison of two states: which words differ, found in one pass. */

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
  const end = stateWords % GROUP === 0 ? `first + ${GROUP}` : `Math.min(first + ${GROUP}, ${stateWords})`;
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
    const first = ${from} + ${GROUP} * (31 - Math.clz32(groups & -groups)), end = ${end};
    for (let w = first; w < end; w++) if (${a}[w] !== ${b}[w]) ${found}[n++] = w;
  }`);
  }
  return `let x = 0, groups = 0;
  ${parts.join("\n  ")}`;
}
