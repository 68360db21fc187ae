/** What the checker's kernel shows of a pair in a state, in the words of `outcome.ts`. */
import { thpVmaAllowableOrder, TVA_SMAPS } from "../../impl/huge-memory/eligibility.ts";
import { SCAN_STATUS, scanStatusWord } from "../../impl/khugepaged/scan-result.ts";
import { LEAF, PRESENT, PROTNONE, SPECIAL, entryTarget } from "../../impl/pgtable.ts";
import { VM_DONTCOPY, VM_HUGEPAGE, VM_NOHUGEPAGE, VM_READ, VM_WIPEONFORK, VM_WRITE } from "../../impl/structs/vma.ts";
import { OBSERVED_FLAGS } from "../../spec/view.ts";
import {
  COUNTERS, isGauge, PAGE_EXCLUSIVE, PAGE_HUGE, PAGE_LARGE, PAGE_MAPPED_ONCE, PAGE_PRESENT, PAGE_SAME, PAGE_ZERO,
} from "../conformance/observation.ts";
import { HPAGE, type Step } from "../conformance/program.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import { areaInWords, countersInWords, pageInWords, returnInWords, type Compared, type Outcome } from "./outcome.ts";
import { forEachSide, type BySide } from "./schedule.ts";

/** The process of the two threads. */
const MM = 0;
const READABLE = VM_READ | VM_WRITE;
const HUGE_PAGES = "nr_anon_transparent_hugepages";

/** What a state shows that is to be compared with a later one. */
export interface Before {
  /** By page of the address space: the frame behind it, or -1. */
  readonly frames: readonly number[];
  readonly gauges: readonly number[];
}
export function before(k: Kernel): Before {
  const frames = Array.from({ length: k.param.vpnMax.get() }, (_, vpn) => {
    const entry = entryOf(k, vpn);
    return entry === null || (entry.value & SPECIAL) !== 0 ? -1 : entry.frame;
  });
  return { frames, gauges: gauges(k) };
}

/** What the calls of each side have returned. */
export type Results = BySide<readonly number[]>;

/** `k`: all have ended; its statistics are the sum of what the calls have counted. `ranges`: how many are looked at. */
export function modelOutcome({ calls, pages }: Compared, k: Kernel, results: Results, then: Before, ranges: number): Outcome {
  const returned = forEachSide(calls, (of, side) => of.map((call, n) => result(call, results[side]![n]!, pages, k)).join(", "));
  return {
    returned,
    ...modelMemory(k, then.frames, ranges),
    counters: countersInWords(counters(k, then.gauges), statuses(k)),
  };
}

function result(step: Step, value: number, pages: number, k: Kernel): string {
  // A load gives a content that no page holds where there is a signal; a store has stored nothing.
  const signal = (step.call === "read" && value === k.param.contents.get()) || (step.call === "write" && value === 0);
  const real = step.call === "mremap" && value >= 0 ? Math.floor(value / pages) * HPAGE + (value % pages) : value;
  return returnInWords(step, signal ? -1 : real, pages);
}

/** Areas and pages. `frames`: as of `before`. */
export function modelMemory(k: Kernel, frames: readonly number[], ranges: number): Pick<Outcome, "areas" | "pages"> {
  const areas: number[] = [];
  const end = ranges * k.param.hpagePmdNr.get();
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.mm.get(v) === MM && !k.vma.detached.get(v) && k.vma.start.get(v) < end) areas.push(v);
  }
  areas.sort((x, y) => k.vma.start.get(x) - k.vma.start.get(y));
  return {
    areas: areas.map((v) => {
      const flags = k.vma.flags.get(v);
      const advice = [VM_HUGEPAGE, VM_NOHUGEPAGE, VM_DONTCOPY, VM_WIPEONFORK].map((bit) => flags & bit);
      return areaInWords(k.vma.start.get(v), k.vma.end.get(v), flags & READABLE, advice, thpVmaAllowableOrder(k, v, TVA_SMAPS) ? 1 : 0);
    }),
    pages: areas.flatMap((v) => {
      const readable = (k.vma.flags.get(v) & READABLE) !== 0;
      const count = k.vma.end.get(v) - k.vma.start.get(v);
      return Array.from({ length: count }, (_, i) => page(k, k.vma.start.get(v) + i, readable, frames)).filter((text) => text !== null);
    }),
  };
}

function page(k: Kernel, vpn: number, readable: boolean, frames: readonly number[]): string | null {
  const entry = entryOf(k, vpn);
  if (entry === null) return null;
  const { value, huge, frame } = entry;
  const present = (value & PRESENT) !== 0 && readable;
  const hugely = huge ? PAGE_HUGE : 0;
  if ((value & SPECIAL) !== 0) return `page ${vpn}: ${pageInWords(PAGE_PRESENT | PAGE_ZERO | hugely, 0, present ? 0 : null)}`;
  const head = k.page.head.get(frame) < 0 ? frame : k.page.head.get(frame);
  const large = k.page.order.get(head) > 0;
  const mapcount = k.page.mapcount.get(frame) + 1 + (large ? k.page.entireMapcount.get(head) + 1 : 0);
  const exclusive = (!large || huge) && k.page.anonExclusive.get(head);
  const flags = PAGE_PRESENT | hugely | (large ? PAGE_LARGE : 0) | (exclusive ? PAGE_EXCLUSIVE : 0) |
    (frames[vpn] === frame ? PAGE_SAME : 0) | (mapcount === 1 && !huge ? PAGE_MAPPED_ONCE : 0) |
    OBSERVED_FLAGS.reduce((sum, { field, bit }) => sum | (k.page[field].get(head) ? bit : 0), 0);
  return `page ${vpn}: ${pageInWords(flags, mapcount, present ? k.page.content.get(frame) : null)}`;
}

/** The entry that maps the page, and the frame behind it; null: there is none. */
function entryOf(k: Kernel, vpn: number): { readonly value: number; readonly huge: boolean; readonly frame: number } | null {
  const h = k.param.hpagePmdNr.get();
  const pmd = k.mm.pmd.get(MM, Math.floor(vpn / h));
  if (pmd === 0) return null;
  const huge = (pmd & LEAF) !== 0;
  const value = huge ? pmd : k.ptTable.pte.get(entryTarget(pmd), vpn % h);
  if ((value & (PRESENT | PROTNONE)) === 0) return null;
  return { value, huge, frame: entryTarget(value) + (huge ? vpn % h : 0) };
}

// ---- counters ------------------------------------------------------------------------------------------------------

const gauges = (k: Kernel): number[] => COUNTERS.map(([name, of], i) => {
  if (!isGauge(i)) return 0;
  // In pages, and read by the size of a huge page of the kernel's.
  return name === HUGE_PAGES ? (of(k) * HPAGE) / k.param.hpagePmdNr.get() : of(k);
});
function counters(k: Kernel, then: readonly number[]): number[] {
  const now = gauges(k);
  return COUNTERS.map(([, of], i) => (isGauge(i) ? now[i]! - then[i]! : of(k)));
}
function statuses(k: Kernel): (readonly [number, string, number])[] {
  const { khugepagedScanPmd, collapseHugePage } = k.tracepoint;
  return [khugepagedScanPmd, collapseHugePage].flatMap((counts, kind) => {
    return Object.keys(SCAN_STATUS).map(Number).flatMap((code) => {
      const n = counts.get(code);
      return n === 0 ? [] : [[kind, scanStatusWord(code, k.param.collapseContinuesAtEmptyPmd.get() !== 0)!, n] as const];
    });
  });
}
