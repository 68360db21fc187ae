/**
 * What random programs do with sizes between a page and a huge page: which are on, and stories of folios of these sizes, since such a
 * folio seldom comes to pass by chance, and less often still meets what may go wrong with it.
 */
import fc from "fast-check";
import { ADVICE, MAP } from "../../impl/entry/calls.ts";
import { content, offset, type Range } from "./arbitraries-of-ranges.ts";
import { SIZE_WORDS } from "./beyond.ts";
import { AREA_RANGES, HPAGE, PROCESSES, type Step } from "./program.ts";
import type { OperationName } from "./vocabulary.ts";

const PMD_KIB = 2048;
const by = (process: number) => (name: OperationName, ...args: number[]): Step => ({ process, call: name, args });
const first = by(0);
export const STATS: Step = first("stats");
export const stats: fc.Arbitrary<readonly Step[]> = fc.constant([STATS]);

// ---- which sizes are on -----------------------------------------------------------------------------------------

const { never, madvise, always, inherit } = SIZE_WORDS;
const anyWord = fc.constantFrom(...Array<number>(12).fill(madvise), inherit, inherit, inherit, always, never, never);
const SETS: readonly (readonly number[])[] = [
  [64], [64], [16], [32], [128], [256], [512], [1024], [16, 64], [16, 32, 64, 128], [64, 1024], [32, 256], [16, 1024],
  [16, 32, 64, 128, 256, 512, 1024],
];
const word = (kib: number, to: number): Step => first("size", kib, to);

/**
 * The first of the sizes is on in most programs. Most begin without huge pages, which would take the room. From then on folios are
 * told.
 */
export const sizesAtFirst: fc.Arbitrary<readonly Step[]> = fc.tuple(
  fc.constantFrom(...SETS), fc.array(anyWord, { minLength: SETS.at(-1)!.length, maxLength: SETS.at(-1)!.length }),
  fc.constantFrom(never, never, never, never, never, madvise, inherit, inherit), fc.constantFrom(true, true, true, false),
).map(([sizes, words, ofPmd, on]) => [
  ...sizes.map((kib, i) => word(kib, on && i === 0 ? madvise : words[i]!)), ...(ofPmd === inherit ? [] : [word(PMD_KIB, ofPmd)]),
  first("folios"),
]);

// ---- stories ----------------------------------------------------------------------------------------------------

/** Some pages of a range that are written to, and a part of them. */
interface Written {
  readonly process: number;
  readonly range: number;
  readonly all: Range;
  readonly part: Range;
  readonly content: number;
}

/** Folios begin at multiples of their size, and what is done to them ends at and around these. */
const firstPage = fc.oneof(fc.constantFrom(0, 16, 32, 64, 128, 256), offset);
const length = fc.constantFrom(1, 3, 4, 15, 16, 17, 32, 40, 64, 100, 128, 200, 256, 512);
const partOf = fc.tuple(fc.constantFrom(0, 0, 1, 2, 3, 4, 7, 8, 15, 16, 20), fc.constantFrom(1, 1, 2, 3, 4, 8, 15, 16, 24));

const written: fc.Arbitrary<Written> = fc.tuple(fc.nat(2), firstPage, length, partOf, fc.nat(PROCESSES - 1), content)
  .map(([r, o, n, [from, some], process, c]) => {
    const range = r * HPAGE;
    const pages = Math.min(n, HPAGE - o);
    const skipped = Math.min(from, pages - 1);
    const part = { at: range + o + skipped, pages: Math.max(1, Math.min(some, pages - skipped)) };
    return { process, range, all: { at: range + o, pages }, part, content: c };
  });

/** Memory in which nothing is, and which is advised: what was there may be a huge page, protected, or gone. */
function fresh({ process, range }: Written): readonly Step[] {
  const does = by(process);
  return [does("mmap", range, HPAGE, 3, MAP.fixed), does("madvise", range, HPAGE, ADVICE.HUGEPAGE)];
}
const writes = ({ process, all, content: c }: Written): Step => by(process)("write", all.at, all.pages, c);

function torn(w: Written, how: string): readonly Step[] {
  const does = by(w.process);
  const { at, pages } = w.part;
  const advises = (advice: keyof typeof ADVICE): Step => does("madvise", at, pages, ADVICE[advice]);
  switch (how) {
    case "discard": return [advises("DONTNEED")];
    case "discard and write": return [advises("DONTNEED"), does("write", at, pages, w.content)];
    case "unmap": return [does("munmap", at, pages)];
    case "map over": return [does("mmap", at, pages, 3, MAP.fixed), does("write", at, 1, w.content)];
    case "free": return [advises("FREE"), advises("PAGEOUT")];
    case "protect": return [does("mprotect", at, pages, 1)];
    case "cold": return [advises("COLD")];
    case "move": return [does("mremap", at, pages, pages, 3, (AREA_RANGES - 2) * HPAGE + (at % HPAGE) + (w.content % 3))];
    default: return [advises("PAGEOUT")];
  }
}
const TEARS = ["discard", "discard", "discard and write", "unmap", "unmap", "map over", "free", "protect", "cold", "move", "page out"];

function forked(w: Written, how: string, child: number): readonly Step[] {
  const [parent, other] = [by(w.process), by(child)];
  const forks = parent("fork", 0);
  const { at, pages } = w.part;
  switch (how) {
    case "child writes": return [forks, other("write", at, pages, w.content)];
    case "parent writes": return [forks, parent("write", at, pages, w.content)];
    case "child discards": return [forks, other("madvise", at, pages, ADVICE.DONTNEED), parent("write", w.all.at, w.all.pages, w.content)];
    case "child exits": return [forks, other("exit"), parent("write", at, pages, w.content)];
    case "child unmaps": return [forks, other("munmap", at, pages), other("write", w.all.at, w.all.pages, w.content)];
    default: return [forks, parent("madvise", at, pages, ADVICE.DONTNEED), parent("madvise", w.all.at, w.all.pages, ADVICE.PAGEOUT)];
  }
}
const FORKS = ["child writes", "parent writes", "child discards", "child exits", "child unmaps", "parent discards"];

/** Without swap reclaim splits what it cannot write out. */
function splitted(w: Written, how: string, order: number): readonly Step[] {
  const does = by(w.process);
  const { at, pages } = w.part;
  const all = [w.all.at, w.all.pages] as const;
  switch (how) {
    case "page out all": return [does("madvise", ...all, ADVICE.PAGEOUT)];
    case "page out a part": return [does("madvise", at, pages, ADVICE.PAGEOUT)];
    case "cold": return [does("madvise", at, pages, ADVICE.COLD)];
    case "free": return [does("madvise", at, pages, ADVICE.FREE), does("write", at, 1, w.content)];
    case "torn": return [does("madvise", at, pages, ADVICE.DONTNEED), does("madvise", ...all, ADVICE.PAGEOUT)];
    case "to an order": return [does("split_to", ...all, order)];
    case "toward a page": return [does("split_at", at, pages, order, w.content)];
    default: return [does("split", ...all)];
  }
}
const SPLITS = ["page out all", "page out all", "page out a part", "cold", "free", "torn"];
const DEBUGFS_SPLITS = ["to an order", "to an order", "toward a page", "all"];

/**
 * khugepaged comes to pages that are small since sizes were advised against when they were written. It takes advice with pages in
 * place to become known to it.
 */
function collapsed(w: Written, how: string, kib: number | null): readonly Step[] {
  const does = by(w.process);
  const advises = (advice: keyof typeof ADVICE): Step => does("madvise", w.range, HPAGE, ADVICE[advice]);
  const small = [does("mmap", w.range, HPAGE, 3, MAP.fixed), advises("NOHUGEPAGE"), writes(w)];
  const pass = [...(kib === null ? [] : [word(kib, madvise)]), advises("HUGEPAGE"), first("khugepaged")];
  const { at, pages } = w.part;
  switch (how) {
    case "hole": return [...small, does("madvise", at, pages, ADVICE.DONTNEED), ...pass];
    case "zero pages": return [...small, does("read", w.range, HPAGE), ...pass];
    case "shared": return [...small, does("fork", 0), does("write", at, pages, w.content), ...pass];
    case "held": return [...small, does("hold", 0, at), ...pass, does("release", 0), first("khugepaged")];
    case "protected": return [...small, does("mprotect", at, pages, 1), ...pass];
    case "free": return [...small, does("madvise", at, pages, ADVICE.FREE), ...pass];
    case "again": return [...small, ...pass, does("madvise", at, pages, ADVICE.DONTNEED), first("khugepaged")];
    case "torn": return [...small, ...pass, does("munmap", at, pages), does("madvise", w.all.at, w.all.pages, ADVICE.PAGEOUT)];
    // Folios of faults, of sizes that grow.
    case "larger": return [...fresh(w), writes(w), word(1024, madvise), advises("NOHUGEPAGE"), ...pass];
    case "over folios": return [...fresh(w), writes(w), advises("NOHUGEPAGE"), does("write", w.range, HPAGE, w.content), ...pass];
    default: return [...small, ...pass];
  }
}
const COLLAPSES = [
  "as it is", "as it is", "hole", "hole", "zero pages", "shared", "held", "protected", "free", "again", "torn", "larger", "over folios",
];

/** The size that is turned on before the pass; null: what is on is left. */
const turnedOn = fc.constantFrom(null, null, null, 16, 32, 64, 64, 128, 256, 512, 1024);
const collapses = fc.tuple(written, fc.constantFrom(...COLLAPSES), turnedOn).map(([w, how, kib]) => collapsed(w, how, kib));
const mostly = fc.constantFrom(true, true, true, false);
const tears = fc.tuple(written, mostly, fc.constantFrom(...TEARS), fc.constantFrom(...TEARS))
  .map(([w, inFresh, how, then]) => [...(inFresh ? fresh(w) : []), writes(w), ...torn(w, how), ...torn({ ...w, part: w.all }, then)]);
const forks = fc.tuple(written, mostly, fc.constantFrom(...FORKS), fc.nat(PROCESSES - 1))
  .map(([w, inFresh, how, child]) => [...(inFresh ? fresh(w) : []), writes(w), ...forked(w, how, child)]);
const splits = (hows: readonly string[]): fc.Arbitrary<readonly Step[]> =>
  fc.tuple(written, mostly, fc.constantFrom(...hows), fc.constantFrom(0, 2, 3, 4, 8))
    .map(([w, inFresh, how, order]) => [...(inFresh ? fresh(w) : []), writes(w), ...splitted(w, how, order)]);
/** A folio of these sizes whose pages lie in two tables, or off their alignment; torn there. */
const moves = fc.tuple(written, fc.constantFrom(1, 5, 16, 490, 500, 511), fc.constantFrom(...TEARS)).map(([w, o, how]) => {
  const to = (AREA_RANGES - 3) * HPAGE + o;
  const pages = Math.min(w.all.pages, HPAGE);
  const part = { at: to + w.part.at - w.all.at, pages: w.part.pages };
  const moved = by(w.process)("mremap", w.all.at, pages, pages, 3, to);
  return [...fresh(w), writes(w), moved, ...torn({ ...w, all: { at: to, pages }, part }, how)];
});
const changes = fc.tuple(written, fc.constantFrom(...SETS), anyWord)
  .map(([w, sizes, to]) => [...sizes.map((kib) => word(kib, to)), ...fresh(w), writes(w)]);

/** `debugfs`: with its split_huge_pages. */
export const sizeStories = (debugfs: boolean): fc.Arbitrary<readonly Step[]> => fc.oneof(
  { weight: 11, arbitrary: collapses }, { weight: 5, arbitrary: tears }, { weight: 4, arbitrary: forks },
  { weight: 4, arbitrary: splits(SPLITS) }, { weight: 2, arbitrary: moves }, { weight: 1, arbitrary: changes },
  { weight: debugfs ? 2 : 0, arbitrary: splits(DEBUGFS_SPLITS) },
);
