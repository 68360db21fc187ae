/** What split.test.ts runs: splits of folios and PMDs, alone and against those who use the folio. */
import { NONE, at, emit, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { FOLL_PIN, FOLL_WRITE, gupFast, type FollFlags } from "../../impl/gup.ts";
import { deferredSplitFolio } from "../../impl/huge-memory/deferred-split.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { splitFolio } from "../../impl/huge-memory/split-folio.ts";
import { splitHugePmd } from "../../impl/huge-memory/split-pmd.ts";
import { copyPageRange } from "../../impl/memory/copy.ts";
import { zapPageRange } from "../../impl/memory/zap.ts";
import { type Content, type Errno, type Kernel, type Pfn, type Vma, type Vpn } from "../../impl/mm-types.ts";
import { bootMemory } from "../../impl/page-alloc.ts";
import { folioGet, folioTryGet, pageFolio } from "../../impl/page-ref.ts";
import { entryTarget, pmdIndex, pmdTable, pteIndex, pteMigration, ptePresent } from "../../impl/pgtable.ts";
import { pteAlloc } from "../../impl/pgtable-generic.ts";
import { anonVmaClone, anonVmaFork } from "../../impl/rmap.ts";
import { folioLock, folioPut, folioUnlock } from "../../impl/swap.ts";
import { userLoad, userStore } from "../../impl/user.ts";
import { countersMatch, makeVma, mapHuge } from "./anon-mapping.ts";
import { kernelScenario, type KernelThread } from "./straight-kernel.ts";

/** One VMA of one huge range in mm 0, which every CPU has loaded. */
export function boot(k: Kernel): void {
  bootMemory(k);
  makeVma(k, 0, 0, 0, k.param.hpagePmdNr.get());
  for (let cpu = 0; cpu < k.cpu.count; cpu++) k.cpu.mm.set(cpu, 0);
}

/** What a caller of split_folio() does: lock and reference around it. */
function* split(k: Kernel, folio: Pfn): Routine<Errno> {
  yield at("folio_get");
  folioGet(k, folio);
  yield* folioLock(k, folio);
  const error: Errno = yield* splitFolio(k, folio);
  folioUnlock(k, folio);
  yield* folioPut(k, folio);
  return error;
}

function* setContent(k: Kernel, from: Pfn, to: Pfn, content: Content): Routine {
  yield at("store");
  for (let page = from; page < to; page++) k.page.content.set(page, content);
}

function* reference(k: Kernel, folio: Pfn, refs: number): Routine {
  yield at("reference");
  k.page.refcount.add(folio, refs);
}

function* pin(k: Kernel, folio: Pfn): Routine {
  yield at("pin");
  k.page.refcount.add(folio, 1);
  k.page.pincount.add(folio, 1);
  emit(k, EV.FOLIO_PIN, folio);
}

function* queue(k: Kernel, folio: Pfn): Routine {
  yield* deferredSplitFolio(k, folio, false);
}

function* knob(k: Kernel, maxPtesNone: number): Routine {
  yield at("echo > max_ptes_none");
  k.knob.maxPtesNone.set(maxPtesNone);
}

function* shrinkUnderused(k: Kernel, on: boolean): Routine {
  yield at("echo > shrink_underused");
  k.knob.shrinkUnderused.set(on);
}

/** fork of VMA 0 into VMA 1 of mm 1. */
function* fork(k: Kernel): Routine<Errno> {
  yield at("fork");
  makeVma(k, 1, 1, k.vma.start.get(0), k.vma.end.get(0));
  const failed: Errno = yield* anonVmaFork(k, 1, 0);
  if (failed !== 0) return failed;
  const error: Errno = yield* copyPageRange(k, 1, 0);
  return error;
}

/** VMA 0 becomes VMAs 0 and 1, cut at `at`; the PMD has been split. */
function* cut(k: Kernel, cutAt: Vpn): Routine {
  yield at("split_vma");
  makeVma(k, 1, 0, cutAt, k.vma.end.get(0));
  k.vma.end.set(0, cutAt);
  k.vma.anonVma.set(1, k.vma.anonVma.get(0));
  yield* anonVmaClone(k, 1, 0);
}

/** What mremap leaves that moves a folio of PTEs by half a huge page: it then lies in two tables. */
function* shift(k: Kernel): Routine {
  const h = k.param.hpagePmdNr.get();
  yield* pteAlloc(k, 0, h);
  yield at("move_ptes");
  const lower = entryTarget(k.mm.pmd.get(0, 0));
  const upper = entryTarget(k.mm.pmd.get(0, 1));
  for (let i = 0; i < h / 2; i++) {
    k.ptTable.pte.set(upper, i, k.ptTable.pte.get(lower, i + h / 2));
    k.ptTable.pte.set(lower, i + h / 2, k.ptTable.pte.get(lower, i));
    k.ptTable.pte.set(lower, i, 0);
  }
  k.vma.start.set(0, h / 2);
  k.vma.end.set(0, h + h / 2);
}

export const cutAt = (vpn: Vpn): KernelThread => (k) => cut(k, vpn);
export const shifted: KernelThread = (k) => shift(k);
export const mapped = (first: Content = 1): KernelThread => (k) => mapHuge(k, 0, 0, first);
export const splitOf = (folio: Pfn): KernelThread => (k) => split(k, folio);
export const splitPmd = (vma: Vma = 0): KernelThread => (k) => splitHugePmd(k, vma, 0, false);
export const stored = (from: Pfn, to: Pfn, content: Content): KernelThread => (k) => setContent(k, from, to, content);
export const referenced = (folio: Pfn, refs: number): KernelThread => (k) => reference(k, folio, refs);
export const pinned = (folio: Pfn): KernelThread => (k) => pin(k, folio);
export const zapped = (start: Vpn, end: Vpn): KernelThread => (k) => zapPageRange(k, 0, start, end);
export const scan: KernelThread = (k) => deferredSplitScan(k);
export const queued: KernelThread = (k) => queue(k, 0);
export const maxPtesNone = (n: number): KernelThread => (k) => knob(k, n);
export const underused = (on: boolean): KernelThread => (k) => shrinkUnderused(k, on);
export const forked: KernelThread = (k) => fork(k);

/** What a thread tells the properties through mm.users. */
const READY = 1;
const GAVE_UP = 2;
const HAS_PIN = 3;

// ---- explored ---------------------------------------------------------------------------------------------------

/** The first thread sets the process up; the others wait for `mm.users`. */
function* setup(k: Kernel, first: Content, partiallyUnmapped: boolean): Routine {
  const folio: Pfn = yield* mapHuge(k, 0, 0, first);
  if (partiallyUnmapped) yield* zapPageRange(k, 0, 0, 1);
  yield at("go");
  folioGet(k, folio);
  for (let vpn = 0; vpn < k.param.hpagePmdNr.get(); vpn++) k.user.mayRead.set(vpn, 1 << k.page.content.get(folio + vpn));
  k.mm.users.set(0, READY);
}

function* setupThenSplit(k: Kernel): Routine {
  yield* setup(k, 1, false);
  yield* folioLock(k, 0);
  yield* splitFolio(k, 0);
  folioUnlock(k, 0);
  yield* folioPut(k, 0);
}

function* setupThenSplitPmd(k: Kernel): Routine {
  yield* setup(k, 1, false);
  yield* splitHugePmd(k, 0, 0, false);
  yield* folioPut(k, 0);
}

function* setupThenScan(k: Kernel, first: Content, partiallyUnmapped: boolean): Routine {
  yield* setup(k, first, partiallyUnmapped);
  if (!partiallyUnmapped) yield* deferredSplitFolio(k, 0, false);
  yield* folioPut(k, 0);
  yield* deferredSplitScan(k);
}

function* pinnerOf(k: Kernel, vpn: Vpn, flags: FollFlags): Routine {
  yield at("start", () => k.mm.users.get(0) >= READY);
  const page: Pfn = yield* gupFast(k, 0, vpn, flags);
  yield at("pinned");
  k.mm.users.set(0, page === NONE ? GAVE_UP : HAS_PIN);
}

/** A scanner of page frames, like compaction: it knows nothing of mappings. */
function* scanner(k: Kernel, page: Pfn): Routine {
  yield at("start", () => k.mm.users.get(0) >= READY);
  const folio: Pfn = pageFolio(k, page);
  yield at("folio_try_get");
  if (!folioTryGet(k, folio)) return;
  yield at("page_folio again");
  if (pageFolio(k, page) === folio) k.mm.users.set(0, HAS_PIN);
  yield* folioPut(k, folio);
}

function* zapper(k: Kernel, start: Vpn, end: Vpn): Routine {
  yield at("start", () => k.mm.users.get(0) >= READY);
  yield* zapPageRange(k, 0, start, end);
}

function* forker(k: Kernel): Routine {
  yield at("start", () => k.mm.users.get(0) >= READY);
  yield* fork(k);
}

function pins(k: Kernel): number {
  let n = 0;
  for (let page = 0; page < k.page.count; page++) n += k.page.pincount.get(page);
  return n;
}

/** The page that mm 0 maps by a PTE at `vpn`, or NONE. */
function pageAt(k: Kernel, vpn: Vpn): number {
  const pmd = k.mm.pmd.get(0, pmdIndex(k, vpn));
  if (!pmdTable(pmd)) return NONE;
  const pte = k.ptTable.pte.get(entryTarget(pmd), pteIndex(k, vpn));
  return ptePresent(pte) ? entryTarget(pte) : NONE;
}

/** X3: whoever has pinned a page finds it mapped from then on. A PMD that is being split counts: it still names the page. */
function pinnedNotMigrating(k: Kernel): boolean {
  if (k.mm.users.get(0) !== HAS_PIN) return true;
  const pmd = k.mm.pmd.get(0, 0);
  return !pmdTable(pmd) || !pteMigration(k.ptTable.pte.get(entryTarget(pmd), 1));
}

/** T5: no CPU has a huge and a small translation of one address. */
function oneTranslation(k: Kernel): boolean {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) if (k.cpu.tlb.get(cpu, vpn) !== 0 && k.cpu.tlbHuge.get(cpu, pmdIndex(k, vpn)) !== 0) return false;
  }
  return true;
}

function allLocksFree(k: Kernel): boolean {
  for (let page = 0; page < k.page.count; page++) if (k.page.lock.isHeld(page)) return false;
  return !k.cpu.irqsOff.get(0);
}

const TINY = { hugeRanges: 1, frames: 4 };

const splitDone = { "the folio was split": (k: Kernel) => k.page.order.get(0) === 0 && k.page.refcount.get(0) > 0 && k.mm.users.get(0) > 0 };

/** A page that a device may write to stays where it is, and exclusive: S6, X3. */
export const splitAgainstPin = kernelScenario({ split: setupThenSplit, pin: (k) => pinnerOf(k, 1, FOLL_PIN | FOLL_WRITE) }, boot, TINY, {
  always: { "a pinned page is never replaced": pinnedNotMigrating },
  finally: {
    "counters match, pins apart": (k) => countersMatch(k, pins(k)) && allLocksFree(k),
    "a pinned page is mapped": (k) => k.page.pincount.get(0) === 0 ? (k.page.pincount.get(1) === 0 || pageAt(k, 1) === 1) : k.page.order.get(0) === 1,
    "a pinned page is exclusive": (k) => pins(k) === 0 || k.page.anonExclusive.get(1) || (pageAt(k, 1) === NONE && k.page.anonExclusive.get(0)),
    "contents stay": (k) => k.page.content.get(0) === 2 && k.page.content.get(1) === 1,
  },
  sometimes: {
    ...splitDone,
    "pinned, PMD split": (k) => pins(k) === 1 && k.page.order.get(0) === 1 && pageAt(k, 1) === 1 && !k.page.lock.isHeld(0),
    "pinned after the split": (k) => k.page.pincount.get(1) === 1,
    "the pin gave up": (k) => k.mm.users.get(0) === GAVE_UP,
  },
});

export const splitPmdAgainstPin = kernelScenario({ split: setupThenSplitPmd, pin: (k) => pinnerOf(k, 1, FOLL_PIN) }, boot, TINY, {
  finally: {
    "counters match, pins apart": (k) => countersMatch(k, pins(k)),
    "every page is exclusive": (k) => k.page.anonExclusive.get(0) && k.page.anonExclusive.get(1) && k.page.mapcount.get(0) === 0 && k.page.mapcount.get(1) === 0,
  },
  sometimes: { pinned: (k) => pins(k) === 1, "the pin gave up": (k) => k.mm.users.get(0) === GAVE_UP },
});

export const splitAgainstScanner = kernelScenario({ split: setupThenSplit, scanner: (k) => scanner(k, 1) }, boot, TINY, {
  finally: { "counters match": (k) => countersMatch(k, 0) && allLocksFree(k), "contents stay": (k) => k.page.content.get(0) === 2 && k.page.content.get(1) === 1 },
  sometimes: { ...splitDone, "the scanner had a reference": (k) => k.mm.users.get(0) === HAS_PIN, "PMD split only": (k) => k.page.order.get(0) === 1 && pageAt(k, 1) === 1 && !k.page.lock.isHeld(0) && k.mm.users.get(0) === HAS_PIN },
});

export const splitAgainstZap = kernelScenario({ split: setupThenSplit, zap: (k) => zapper(k, 0, 2) }, boot, TINY, {
  finally: { "everything is free": (k) => k.zone.freePages.get() === 4 && k.deferredSplit.length.get() === 0 && k.node.nrAnonPartiallyMapped.get() === 0 && k.node.anonMapped.get() === 0 && k.mm.anonPages.get(0) === 0 },
  sometimes: splitDone,
});

/** A pin is taken and the range unmapped while it is split: the pinned page outlives its mapping, wherever the pin found it. */
export const splitAgainstPinAndZap = kernelScenario({ split: setupThenSplit, pin: (k) => pinnerOf(k, 1, FOLL_PIN | FOLL_WRITE), zap: (k) => zapper(k, 0, 2) }, boot, TINY, {
  finally: {
    "what is not pinned is free": (k) => k.zone.freePages.get() === 4 - (k.page.pincount.get(0) === 1 ? 2 : pins(k)),
    "the pin alone holds it": (k) => pins(k) === 0 || k.page.refcount.get(0) + k.page.refcount.get(1) === 1,
    "nothing is mapped": (k) => k.node.anonMapped.get() === 0 && k.mm.anonPages.get(0) === 0 && k.node.nrAnon.get() === (k.page.pincount.get(0) === 1 ? 1 : 0),
  },
  sometimes: { ...splitDone, "the whole folio is pinned": (k) => k.page.pincount.get(0) === 1, "its page is pinned": (k) => k.page.pincount.get(1) === 1 },
});

/** The child gets what the parent maps at some moment: pages, or migration entries that the split turns back. */
export const splitAgainstFork = kernelScenario({ split: setupThenSplit, fork: forker }, boot, { ...TINY, mms: 2, vmas: 2, anonVmas: 2, anonVmaChains: 3, pageTables: 3 }, {
  finally: { "counters match": (k) => countersMatch(k, 0) && allLocksFree(k), "nothing is exclusive": (k) => !k.page.anonExclusive.get(0) && !k.page.anonExclusive.get(1), "both map both pages": (k) => k.mm.anonPages.get(0) === 2 && k.mm.anonPages.get(1) === 2 },
  sometimes: { ...splitDone, "shared and whole": (k) => k.page.order.get(0) === 1 && k.page.largeMapcount.get(0) > 0 && !k.page.lock.isHeld(0) && k.mm.anonPages.get(1) === 2 },
});

/** Loads and stores of the process itself, through its TLB and, at a migration entry, a page fault. */
function* user(k: Kernel): Routine {
  yield at("start", () => k.mm.users.get(0) >= READY);
  yield* userStore(k, 0, 1, 3);
  yield* userLoad(k, 0, 0);
  yield* userLoad(k, 0, 1);
}

export const splitAgainstUser = kernelScenario({ split: setupThenSplit, user }, boot, TINY, {
  always: { "one translation of an address": oneTranslation },
  finally: { "counters match": (k) => countersMatch(k, 0) && allLocksFree(k), "the store is there": (k) => k.page.content.get(1) === 3 && k.page.dirty.get(1) },
  sometimes: { ...splitDone, "a store before": (k) => k.page.content.get(1) === 3 && k.page.order.get(0) === 1 },
});

/** Underused, locked by somebody, and partially unmapped meanwhile: who queues it again? */
function* locker(k: Kernel): Routine {
  yield at("start", () => k.mm.users.get(0) >= READY);
  if (!folioTryGet(k, 0)) return;
  yield* folioLock(k, 0);
  yield at("folio_unlock");
  folioUnlock(k, 0);
  yield* folioPut(k, 0);
}

export const shrinkAgainstLockAndZap = kernelScenario({ shrink: (k) => setupThenScan(k, 0, false), lock: locker, zap: (k) => zapper(k, 0, 1) }, bootUnderused, TINY, {
  finally: {
    "counters match": (k) => countersMatch(k, 0) && allLocksFree(k),
    "queued at most once, and if partially mapped": (k) => k.deferredSplit.length.get() === (k.page.deferred.get(0) ? 1 : 0) && (!k.page.partiallyMapped.get(0) || k.page.deferred.get(0)),
  },
  sometimes: { ...splitDone, "left on the queue": (k) => k.page.deferred.get(0) && k.page.partiallyMapped.get(0), "kept": (k) => k.mm.anonPages.get(0) === 1 && k.page.order.get(0) === 1 && !k.page.lock.isHeld(0) },
});

/** Half of the folio is unmapped; the other half goes while the shrinker looks at it. */
export const shrinkAgainstZap = kernelScenario({ shrink: (k) => setupThenScan(k, 1, true), zap: (k) => zapper(k, 1, 2) }, boot, TINY, {
  finally: { "everything is free": (k) => k.zone.freePages.get() === 4 && k.deferredSplit.length.get() === 0 && k.node.nrAnonPartiallyMapped.get() === 0 && k.node.nrAnon.get() === 0 },
  sometimes: splitDone,
});

/** A huge page of zeroes that nobody else holds is given back, wholly. */
export const shrinkUnderusedAgainstPin = kernelScenario({ shrink: (k) => setupThenScan(k, 0, false), pin: (k) => pinnerOf(k, 0, FOLL_PIN) }, bootUnderused, TINY, {
  finally: { "counters match, pins apart": (k) => countersMatch(k, pins(k)), "zeroes": (k) => pins(k) === 1 || k.zone.freePages.get() !== 4 || k.mm.anonPages.get(0) === 0 },
  sometimes: { "all pages given back": (k) => k.zone.freePages.get() === 4 && k.mm.nrPtes.get(0) === 1, pinned: (k) => pins(k) === 1 },
});

function bootUnderused(k: Kernel): void {
  boot(k);
  k.knob.maxPtesNone.set(0);
}

export const explored: readonly [string, ReturnType<typeof kernelScenario>][] = [
  ["split against a pin by gup-fast", splitAgainstPin],
  ["PMD split against a pin by gup-fast", splitPmdAgainstPin],
  ["split against a scanner of page frames", splitAgainstScanner],
  ["split against MADV_DONTNEED", splitAgainstZap],
  ["split against a pin and MADV_DONTNEED", splitAgainstPinAndZap],
  ["split against fork", splitAgainstFork],
  ["split against the process's own loads and stores", splitAgainstUser],
  ["shrinker against a lock and MADV_DONTNEED of a part", shrinkAgainstLockAndZap],
  ["shrinker against MADV_DONTNEED of the rest", shrinkAgainstZap],
  ["underused shrinker against a pin", shrinkUnderusedAgainstPin],
];
