/** What a program has reached, step by step, by what was seen: so that agreement is worth something. */
import { ADVICE } from "../../impl/entry/calls.ts";
import { isMiddle, pieces, type FolioPiece } from "./folios.ts";
import { PAGE_HUGE, PAGE_LARGE, PAGE_SAME } from "./observation.ts";
import { HPAGE, type Step } from "./program.ts";

const ACROSS = "map a folio from two tables";
const BETWEEN = "have a folio between a page and a huge page";
const TORN = "unmap a part of one";
const FORKED = "fork with one";
const SPLIT = "split one";
/** Of kernels whose khugepaged makes any. */
export const COLLAPSED_TO = "collapse to one by khugepaged";
/** Share of the programs that is wanted. */
export const MILESTONES = {
  "create a huge PMD": 0.5, "split a huge PMD": 0.3, "collapse to one": 0.2, "fork": 0.3, [ACROSS]: 0.4,
  [BETWEEN]: 0.5, [TORN]: 0.25, [FORKED]: 0.2, [SPLIT]: 0.15, [COLLAPSED_TO]: 0.3,
} as const;
export type Milestone = keyof typeof MILESTONES;

/** What one step of a program has reached. `before`: what was seen after the step before it. */
export function reachedBy(step: Step, before: readonly string[], after: readonly string[]): Milestone[] {
  const reached: Milestone[] = mapsAcross(after) ? [ACROSS] : [];
  for (const line of after) {
    const words = line.split(" ");
    if (words[0] === "p" && (Number(words[4]) & PAGE_HUGE) !== 0) reached.push("create a huge PMD");
    // The columns of thp_split_pmd and thp_collapse_alloc.
    if (words[0] === "k" && Number(words[8]) > 0) reached.push("split a huge PMD");
    if (words[0] === "k" && Number(words[3]) > 0 && after.some((l) => l.startsWith("t 1 succeeded"))) reached.push("collapse to one");
    if (words[0] === "r" && step.call === "fork" && words[3] === "0") reached.push("fork");
  }
  return [...reached, ...ofFolios(step, before, after)];
}

/**
 * A process maps pages of one folio from two tables: it has moved them to another offset within a huge range. Where folios are told, it
 * is seen by where their first pages would be; else by the frames, huge pages alone.
 */
function mapsAcross(lines: readonly string[]): boolean {
  const told = pieces(lines);
  if (told.length > 0) return told.some(({ start, pages, offset }) => liesInTwo(start - offset, start, pages));
  const tables = new Map<string, number>();
  for (const line of lines) {
    if (!line.startsWith("p ")) continue;
    const [process, start, pages, flags, frame] = line.split(" ").slice(1).map(Number) as [number, number, number, number, number];
    if ((flags & PAGE_LARGE) === 0) continue;
    for (let at = start; at < start + pages;) {
      const number = frame + at - start;
      const folio = `${process} ${Math.floor(number / HPAGE)}`;
      const table = Math.floor(at / HPAGE);
      if ((tables.get(folio) ?? table) !== table) return true;
      tables.set(folio, table);
      // To the end of the table, or of the folio.
      at += Math.min(HPAGE - (at % HPAGE), HPAGE - (number % HPAGE));
    }
  }
  return false;
}

const tableOf = (page: number): number => Math.floor(page / HPAGE);
/** Pages of a folio that would begin at `first`: in its own table, and in the one behind it. */
const liesInTwo = (first: number, start: number, pages: number): boolean => tableOf(first) !== tableOf(start + pages - 1);

// ---- of folios between a page and a huge page -------------------------------------------------------------------

function ofFolios(step: Step, before: readonly string[], after: readonly string[]): Milestone[] {
  const [had, has] = [pieces(before).filter(isMiddle), pieces(after).filter(isMiddle)];
  if (had.length === 0 && has.length === 0) return [];
  const known = new Set(had.map(keyOf));
  const fresh = has.filter((piece) => !known.has(keyOf(piece)));
  const reached: Milestone[] = has.length > 0 ? [BETWEEN] : [];
  if (unmaps(step) && fresh.some(isPartial)) reached.push(TORN);
  if (step.call === "fork" && had.some(({ process }) => process === step.process)) reached.push(FORKED);
  if (step.call === "khugepaged" && fresh.some((piece) => !isPartial(piece))) reached.push(COLLAPSED_TO);
  if (isAnySplit(had, has, after)) reached.push(SPLIT);
  return reached;
}

const keyOf = (p: FolioPiece): string => `${p.process} ${p.start} ${p.pages} ${p.order} ${p.offset}`;
const isPartial = ({ pages, order }: FolioPiece): boolean => pages < 1 << order;

function unmaps({ call, args }: Step): boolean {
  if (call === "madvise") return args[2] === ADVICE.DONTNEED;
  return call === "munmap" || call === "mmap" || call === "mremap" || (call === "process_madvise" && args[3] === ADVICE.DONTNEED);
}

/** A page is where it was, and its folio is no longer of the order that it had. */
function isAnySplit(had: readonly FolioPiece[], has: readonly FolioPiece[], after: readonly string[]): boolean {
  const runs = after.filter((l) => l.startsWith("p ")).map((l) => l.split(" ").slice(1).map(Number));
  const covers = (process: number, page: number) => (r: { process: number; start: number; pages: number }): boolean =>
    r.process === process && r.start <= page && page < r.start + r.pages;
  return had.some(({ process, start, order }) => {
    const run = runs.find(([p, first, pages]) => covers(process, start)({ process: p!, start: first!, pages: pages! }));
    return run !== undefined && (run[3]! & PAGE_SAME) !== 0 && has.find(covers(process, start))?.order !== order;
  });
}
