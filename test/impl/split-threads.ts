/** What split.test.ts runs: splits of folios and PMDs, and the shrinker. Their races are scenarios, in test/scenarios/. */
import { at, emit, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { deferredSplitFolio } from "../../impl/huge-memory/deferred-split.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { splitFolio } from "../../impl/huge-memory/split-folio.ts";
import { splitHugePmd } from "../../impl/huge-memory/split-pmd.ts";
import { copyPageRange } from "../../impl/memory/copy.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content, Errno, Pfn, Vma, Vpn } from "../../impl/structs/types.ts";
import { bootMemory } from "../../impl/page-alloc.ts";
import { folioGet } from "../../impl/page-ref.ts";
import { entryTarget } from "../../impl/pgtable.ts";
import { pteAlloc } from "../../impl/pgtable-generic.ts";
import { anonVmaClone, anonVmaFork } from "../../impl/anon-vma.ts";
import { folioLock, folioPut, folioUnlock } from "../../impl/swap.ts";
import { makeVma, mapHuge } from "./anon-mapping.ts";
import { zapRange } from "./memory-threads.ts";
import type { KernelThread } from "./straight-kernel.ts";

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
export const zapped = (start: Vpn, end: Vpn): KernelThread => (k) => zapRange(k, start, end);
export const scan: KernelThread = (k) => deferredSplitScan(k);
export const queued: KernelThread = (k) => queue(k, 0);
export const maxPtesNone = (n: number): KernelThread => (k) => knob(k, n);
export const underused = (on: boolean): KernelThread => (k) => shrinkUnderused(k, on);
export const forked: KernelThread = (k) => fork(k);
