/**
 * Which state properties a step can have changed: those that may read a bit in which the two states differ.
 *
 * The read set of a property is static (`reads.ts`): whatever it can read in any state. So where none of these bits
 * differs it reads the same in both states and gives the same, and a search that has checked the state before need not
 * check it again. `test/checker/search/affected.test.ts` compares with checking everything.
 */
import type { LayoutPlan } from "../layout.ts";
import { bitsOf, forEachRead, type Reads } from "./reads.ts";

/** Words compared by one branch. */
const BLOCK = 4;

/**
 * The text of `markAffected(into, at)`: writes the set of properties that may differ between $before and $vector.
 * `properties`: the emitted names of the functions.
 */
export function affectedFunction(reads: ReadonlyMap<string, Reads>, properties: readonly string[], plan: LayoutPlan): string {
  const size = Math.ceil(properties.length / 32);
  const readers = new Map<number, Map<number, number>>();
  for (const [p, emitted] of properties.entries()) {
    forEachRead(reads, emitted, [], (field, i, j) => {
      for (const { word, mask } of bitsOf(field, i, j, plan.maskBytes)) {
        const ofWord = readers.get(word) ?? new Map<number, number>();
        readers.set(word, ofWord);
        ofWord.set(p, (ofWord.get(p) ?? 0) | mask);
      }
    });
  }
  const words = [...readers.keys()].sort((a, b) => a - b);
  const differs = (word: number): string => `($vector[${word}] ^ $before[${word}]) & ${[...readers.get(word)!.values()].reduce((all, m) => all | m, 0)}`;
  const lines: string[] = [];
  for (let first = 0; first < words.length; first += BLOCK) {
    const block = words.slice(first, first + BLOCK);
    lines.push(`if ((${block.map((w) => `(${differs(w)})`).join(" | ")}) !== 0) { ${block.map((w) => ofWord(w, readers.get(w)!)).join(" ")} }`);
  }
  const names = Array.from({ length: size }, (_, n) => `s${n}`);
  return `function markAffected(into, at) {
  ${size === 0 ? "" : `let d = 0, ${names.map((n) => `${n} = 0`).join(", ")};`}
  ${lines.join("\n  ")}
  ${names.map((n, i) => `into[at + ${i}] = ${n};`).join(" ")}
}`;
}

/** Properties that read the same bits of the word are added together. */
function ofWord(word: number, readers: ReadonlyMap<number, number>): string {
  const byMask = new Map<number, number[]>();
  for (const [p, mask] of readers) byMask.set(mask, [...(byMask.get(mask) ?? []), p]);
  const adds = (properties: readonly number[]): string => {
    const sets = new Map<number, number>();
    for (const p of properties) sets.set(p >> 5, (sets.get(p >> 5) ?? 0) | (1 << (p & 31)));
    return [...sets].map(([s, bits]) => `s${s} |= ${bits};`).join(" ");
  };
  return `d = $vector[${word}] ^ $before[${word}]; ${[...byMask].map(([mask, properties]) => `if ((d & ${mask}) !== 0) { ${adds(properties)} }`).join(" ")}`;
}
