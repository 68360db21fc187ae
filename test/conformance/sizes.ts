/**
 * Programs that have to do with sizes between a page and a huge page: what of their knobs and counters `impl/` has. A kernel of
 * `impl/` has those sizes if it is told so when it is made, and its word of PMD size does not change (`thpAnon`).
 */
import { ENABLED_ALWAYS, ENABLED_MADVISE } from "../../impl/config/knobs.ts";
import { smallestAnonOrder } from "../../impl/config/thp-anon.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import { thpVmaAllowableOrder, TVA_SMAPS } from "../../impl/huge-memory/eligibility.ts";
import { windowStart } from "../../impl/huge-memory/orders.ts";
import { MADV_HUGEPAGE } from "../../impl/madvise.ts";
import { MMF_DISABLE_THP_COMPLETELY_BIT, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT } from "../../impl/structs/mm.ts";
import { VM_HUGEPAGE, VM_NOHUGEPAGE } from "../../impl/structs/vma.ts";
import { COUNTED, SIZE_WORDS, STATS as STAT_FILES } from "./beyond.ts";

/** Of a program, what matters here. */
interface Step {
  readonly call: string;
  readonly args: readonly number[];
}
interface Program {
  readonly knobs: { readonly enabled: string };
  readonly steps: readonly Step[];
}

const PAGE_KIB = 4;
const PMD_KIB = 2048;
/** The order of folios of that size. */
export const orderOf = (kib: number): number => Math.log2(kib / PAGE_KIB);
const SMALLEST = smallestAnonOrder(PMD_KIB / PAGE_KIB);

const isSize = (s: Step): boolean => s.call === "size";
const isPmdSize = (s: Step): boolean => isSize(s) && s.args[0] === PMD_KIB;
const isHugepageAdvice = (s: Step): boolean => s.call === "madvise" && s.args[2] === MADV_HUGEPAGE;

/** What says sizes, and what is seen of them. */
function hasSizes({ steps }: Program): boolean {
  return steps.some((s) => isSize(s) || s.call === "split_at" || (s.call === "split_to" && s.args[2]! > 0));
}

/**
 * `thp_anon=` for the kernel that runs the program, or null: it needs none. Every size begins as on a machine that has just booted;
 * that of a PMD with the word that the program says, which is then the same all the time.
 */
export function thpAnonFor(program: Program): string | null {
  if (!hasSizes(program)) return null;
  const said = program.steps.find(isPmdSize)?.args[1] ?? SIZE_WORDS.inherit;
  const word = Object.entries(SIZE_WORDS).find(([, number]) => number === said)![0];
  return `${PAGE_KIB << SMALLEST}K-${PMD_KIB / 2}K:never;2M:${word}`;
}

/** A size is on for processes that have not asked for it: counters and khugepaged's passes are not the program's alone then. */
export function concernsOthers({ knobs, steps }: Program): boolean {
  const { always, inherit } = SIZE_WORDS;
  return steps.filter(isSize).some(({ args }) => args[1] === always || (args[1] === inherit && knobs.enabled === "always"));
}

/**
 * The word of PMD size may come late only where it has decided nothing yet: before advice, by which memory is eligible.
 */
export function lackedOfSizes({ knobs, steps }: Program): readonly string[] {
  const words = steps.filter(isPmdSize);
  const last = steps.findLastIndex(isPmdSize);
  const decided = steps.findIndex((s) => (knobs.enabled === "always" ? !isSize(s) : isHugepageAdvice(s)));
  const changes = words.length > 1 || (words.length > 0 && decided >= 0 && decided < last);
  return changes ? ["changes of hugepages-2048kB/enabled"] : [];
}

// ---- smaps -----------------------------------------------------------------------------------------------------

/**
 * THPeligible: of some size that is on for the area, the last aligned window that ends in it begins in it too.
 * @kernel fs/proc/task_mmu.c show_smap(); mm/huge_memory.c __thp_vma_allowable_orders(), TVA_SMAPS
 */
export function isEligible(k: Kernel, vma: number): boolean {
  if (thpVmaAllowableOrder(k, vma, TVA_SMAPS)) return true;
  if (k.anonOrders.count === 0) return false;
  const [start, end, flags, mm] = [k.vma.start.get(vma), k.vma.end.get(vma), k.vma.flags.get(vma), k.vma.mm.get(vma)];
  const advised = (flags & VM_HUGEPAGE) !== 0;
  const disabled = k.mm.flags.has(mm, MMF_DISABLE_THP_COMPLETELY_BIT)
    || (!advised && k.mm.flags.has(mm, MMF_DISABLE_THP_EXCEPT_ADVISED_BIT));
  if ((flags & VM_NOHUGEPAGE) !== 0 || disabled) return false;
  const global = k.knob.enabled.get();
  const inherits = global === ENABLED_ALWAYS || (global === ENABLED_MADVISE && advised);
  const on = k.anonOrders.always.get(0) | (advised ? k.anonOrders.madvise.get(0) : 0) | (inherits ? k.anonOrders.inherit.get(0) : 0);
  for (let order = SMALLEST; order < orderOf(PMD_KIB); order++) {
    const pages = 1 << order;
    if ((on & pages) !== 0 && end >= pages && windowStart(end - pages, order) >= start) return true;
  }
  return false;
}

// ---- counters by name ------------------------------------------------------------------------------------------

type Reader = (k: Kernel) => number;
const VMSTAT: Readonly<Record<string, Reader>> = {
  thp_split_page: (k) => k.vmstat.thpSplitPage.get(), thp_split_page_failed: (k) => k.vmstat.thpSplitPageFailed.get(),
  thp_split_pmd: (k) => k.vmstat.thpSplitPmd.get(), thp_deferred_split_page: (k) => k.vmstat.thpDeferredSplitPage.get(),
  thp_collapse_alloc: (k) => k.vmstat.thpCollapseAlloc.get(),
};
const isPmd = (order: number): boolean => order === orderOf(PMD_KIB);
/** hugepages-<size>kB/stats, by order. */
const STATS: Readonly<Record<(typeof STAT_FILES)[number], (k: Kernel, order: number) => number>> = {
  anon_fault_alloc: (k, order) => k.mthpStat.anonFaultAlloc.get(order),
  anon_fault_fallback: (k, order) => k.mthpStat.anonFaultFallback.get(order),
  anon_fault_fallback_charge: (k, order) => k.mthpStat.anonFaultFallbackCharge.get(order),
  swpout_fallback: (k, order) => k.mthpStat.swpoutFallback.get(order),
  split: (k, order) => k.mthpStat.split.get(order),
  split_failed: (k, order) => k.mthpStat.splitFailed.get(order),
  split_deferred: (k, order) => k.mthpStat.splitDeferred.get(order),
  nr_anon: (k, order) => (isPmd(order) ? k.node.nrAnon.get() : k.thpSize.count === 0 ? 0 : k.thpSize.nrAnon.get(order - SMALLEST)),
  nr_anon_partially_mapped: (k, order) => (isPmd(order) ? k.node.nrAnonPartiallyMapped.get()
    : k.thpSize.count === 0 ? 0 : k.thpSize.nrAnonPartiallyMapped.get(order - SMALLEST)),
  collapse_alloc: (k, order) => k.mthpStat.collapseAlloc.get(order),
  collapse_alloc_failed: (k, order) => k.mthpStat.collapseAllocFailed.get(order),
  collapse_exceed_none_pte: (k, order) => k.mthpStat.collapseExceedNonePte.get(order),
  collapse_exceed_swap_pte: (k, order) => k.mthpStat.collapseExceedSwapPte.get(order),
  collapse_exceed_shared_pte: (k, order) => k.mthpStat.collapseExceedSharedPte.get(order),
};

/** The files of each size, in the order of a line of them. Those that `impl/` has none of say 0 behind: swap, files of shmem. */
export function statsNow(k: Kernel): readonly { readonly kib: number; readonly values: readonly number[] }[] {
  return Array.from({ length: orderOf(PMD_KIB) - SMALLEST + 1 }, (_, i) => {
    const order = SMALLEST + i;
    return { kib: PAGE_KIB << order, values: [...STAT_FILES.map((name) => STATS[name](k, order)), 0] };
  });
}

/** How `impl/` tells a counter of beyond.ts, by its place there; null: it does not. */
export function readerOf(counter: number): Reader | null {
  const name = COUNTED[counter]!;
  const [, kib = "", stat = ""] = /^(\d+)kB\/(\w+)$/.exec(name) ?? [];
  if (kib === "") return VMSTAT[name] ?? null;
  return isStat(stat) ? (k) => STATS[stat](k, orderOf(Number(kib))) : null;
}
const isStat = (name: string): name is (typeof STAT_FILES)[number] => Object.hasOwn(STATS, name);
