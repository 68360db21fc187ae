/**
 * Which state properties a step can have changed: those that may read a bit in which the two states differ. The same is
 * said of the excuses of properties.
 *
 * The read set of a property is static (`reads.ts`): whatever it can read in any state. So where none of these bits
 * differs it reads the same in both states and gives the same, and a search that has checked the state before need not
 * check it again. `test/checker/search/affected.test.ts` compares with checking everything.
 */
import { SHORT_WORDS } from "../system.ts";
import type { LayoutPlan } from "../program/layout.ts";
import { threadsAskedBy } from "./position-uses.ts";
import { bitsOf, forEachRead, type Reads } from "./reads.ts";

/** The bytes in which the frames of a thread lie. */
interface FrameArea { readonly base: number; readonly bytes: number }

/**
 * The text of `markAffected(into, at)`: writes the set of properties that may differ between $before and $vector, given
 * that they differ in the words $changed[0] up to $changed[$changes - 1]; of short states it finds out by itself.
 * `properties`: the emitted names of the functions.
 */
export function affectedFunction(
  reads: ReadonlyMap<string, Reads>, properties: readonly string[], plan: LayoutPlan,
  { words: stateWords, areas }: { readonly words: number; readonly areas: readonly FrameArea[] },
): string {
  const size = Math.ceil(properties.length / 32);
  const readers = new Map<number, Map<number, number>>();
  const note = (p: number, word: number, mask: number): void => {
    const ofWord = readers.get(word) ?? new Map<number, number>();
    readers.set(word, ofWord);
    ofWord.set(p, (ofWord.get(p) ?? 0) | mask);
  };
  for (const [p, emitted] of properties.entries()) {
    forEachRead(reads, emitted, [], (field, i, j) => {
      for (const { word, mask } of bitsOf(field, i, j, plan.maskBytes)) note(p, word, mask);
    });
    // Where a thread stands lies somewhere in its frames.
    for (const thread of threadsAskedBy(reads, emitted)) {
      const { base, bytes } = areas[thread]!;
      for (let word = base >> 2; word < Math.ceil((base + bytes) / 4); word++) note(p, word, -1);
    }
  }
  const names = Array.from({ length: size }, (_, n) => `s${n}`);
  const head = size === 0 ? "" : `let ${names.map((n) => `${n} = 0`).join(", ")};`;
  const tail = names.map((n, i) => `into[at + ${i}] = ${n};`).join(" ");
  // Long states get tables and a loop: had each word code of its own, each would be run for the first time at some late step,
  // and V8 would then have to compile the whole again.
  if (stateWords <= SHORT_WORDS) {
    const add = (set: readonly number[]): string => names.map((n, i) => `${n} |= ${set[i]};`).join(" ");
    const groups = (of: ReadonlyMap<number, number>): string =>
      [...groupsOf(of, size)].map(([mask, set]) => `if ((d & ${mask}) !== 0) { ${add(set)} }`).join(" ");
    const lines = [...readers].map(([word, of]) => `d = $vector[${word}] ^ $before[${word}]; if (d !== 0) { ${groups(of)} }`);
    return `function markAffected(into, at) { let d = 0; ${head} ${lines.join(" ")} ${tail} }`;
  }
  const firstGroup: number[] = [0];
  const masks: number[] = [];
  const sets: number[] = [];
  for (let word = 0; word < stateWords; word++) {
    for (const [mask, set] of groupsOf(readers.get(word) ?? new Map<number, number>(), size)) {
      masks.push(mask);
      sets.push(...set);
    }
    firstGroup.push(masks.length);
  }
  const constants = { $firstGroup: firstGroup, $groupMasks: masks, $groupSets: sets };
  return `const ${Object.entries(constants).map(([name, values]) => `${name} = new Int32Array([${values.join()}])`).join(", ")};
function markAffected(into, at) {
  ${head}
  for (let c = 0; c < $changes; c++) {
    const w = $changed[c], d = $vector[w] ^ $before[w];
    for (let g = $firstGroup[w], end = $firstGroup[w + 1]; g < end; g++) {
      if ((d & $groupMasks[g]) !== 0) { ${names.map((n, i) => `${n} |= $groupSets[${size} * g + ${i}];`).join(" ")} }
    }
  }
  ${tail}
}`;
}

/** Properties that read the same bits of a word form a group: of each, the bits and the set of properties. */
function groupsOf(readers: ReadonlyMap<number, number>, size: number): ReadonlyMap<number, readonly number[]> {
  const groups = new Map<number, number[]>();
  for (const [p, mask] of readers) {
    const set = groups.get(mask) ?? Array.from({ length: size }, () => 0);
    groups.set(mask, set);
    set[p >> 5]! |= 1 << (p & 31);
  }
  return groups;
}
