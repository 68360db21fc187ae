/** What page-alloc.test.ts runs. */
import { NONE, at, bugOn, type Routine, type U32 } from "thpcheck";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content, Order, Pfn } from "../../impl/structs/types.ts";
import { allocFolio, bootMemory, freeFolio } from "../../impl/page-alloc.ts";
import { kernelScenario, type KernelThread } from "./straight-kernel.ts";

function* alloc(k: Kernel, order: Order, mayFail: boolean): Routine<Pfn> {
  const folio: Pfn = yield* allocFolio(k, order, mayFail);
  return folio;
}

/** Drops the only reference and frees. */
function* free(k: Kernel, folio: Pfn): Routine {
  yield at("put");
  k.page.refcount.set(folio, 0);
  yield* freeFolio(k, folio);
}

/** Frees without having dropped the reference. */
function* freeReferenced(k: Kernel, folio: Pfn): Routine {
  yield* freeFolio(k, folio);
}

/** What a folio must not be when it is freed: the n-th check. */
function* freeSpoilt(k: Kernel, folio: Pfn, flaw: number): Routine {
  yield at("spoil");
  k.page.refcount.set(folio, 0);
  if (flaw === 0) k.page.entireMapcount.set(folio, 0);
  if (flaw === 1) k.page.largeMapcount.set(folio, 0);
  if (flaw === 2) k.page.nrPagesMapped.set(folio, 1);
  if (flaw === 3) k.page.pincount.set(folio, 1);
  if (flaw === 4) k.page.mmIdMapcount1.set(folio, 0);
  if (flaw === 5) k.page.lru.set(folio, true);
  if (flaw === 6) k.page.deferred.set(folio, true);
  if (flaw === 7) k.page.partiallyMapped.set(folio, true);
  if (flaw === 8) k.page.mapcount.set(folio + 1, 0);
  if (flaw === 9) k.page.head.set(folio + 1, NONE);
  if (flaw === 10) k.page.refcount.set(folio + 1, 1);
  yield* freeFolio(k, folio);
}

/** A store to a page that is free. */
function* writeAfterFree(k: Kernel, page: Pfn): Routine {
  yield at("use after free");
  k.page.content.set(page, 1);
}

/** A reference to a page that is free, or a mapping of it. */
function* touchFree(k: Kernel, page: Pfn, mapped: boolean): Routine {
  yield at("use after free");
  if (mapped) k.page.mapcount.set(page, 0);
  else k.page.refcount.set(page, 1);
}

/** Allocates, writes, checks that nobody else has the pages, frees; `rounds` times. */
function* churn(k: Kernel, order: Order, mine: Content): Routine {
  const folio: Pfn = yield* allocFolio(k, order, true);
  if (folio === NONE) return;
  yield at("write");
  for (let i = 0; i < 1 << order; i++) k.page.content.set(folio + i, mine);
  yield at("check");
  for (let i = 0; i < 1 << order; i++) bugOn(k.page.content.get(folio + i) !== mine, "two threads own one page");
  k.page.refcount.set(folio, 0);
  yield* freeFolio(k, folio);
}

/** Takes `n` pages, then gives them back in the order in which it got them. */
function* takeAndFree(k: Kernel, n: U32): Routine {
  for (let i: U32 = 0; i < n; i++) yield* allocFolio(k, 0, false);
  for (let page: Pfn = 0; page < k.page.count; page++) if (k.page.refcount.get(page) === 1) yield* free(k, page);
}

export const small: KernelThread = (k) => alloc(k, 0, false);
export const huge: KernelThread = (k) => alloc(k, 2, false);
export const many: KernelThread = (k) => takeAndFree(k, 100_000);
export const mayFail: KernelThread = (k) => alloc(k, 0, true);
export const freePage = (page: Pfn): KernelThread => (k) => free(k, page);
export const freeReferencedPage = (page: Pfn): KernelThread => (k) => freeReferenced(k, page);
export const freeSpoiltHuge = (flaw: number): KernelThread => (k) => freeSpoilt(k, 0, flaw);
export const refer = (page: Pfn): KernelThread => (k) => touchFree(k, page, false);
export const map = (page: Pfn): KernelThread => (k) => touchFree(k, page, true);
export const write = (page: Pfn): KernelThread => (k) => writeAfterFree(k, page);
/** `free 0` to `free 7` */
export const frees: Record<string, KernelThread> = Object.fromEntries(Array.from({ length: 8 }, (_, page) => [`free ${page}`, freePage(page)]));

/** Three threads, four frames: not all can have memory at once. */
export const churning = kernelScenario({ a: (k) => churn(k, 0, 1), b: (k) => churn(k, 1, 2), c: (k) => churn(k, 0, 3) }, bootMemory, { frames: 4, allocationMayFail: true }, {
  finally: { "memory is whole": (k) => k.zone.freePages.get() === 4 && k.page.order.get(0) === 1 && k.page.buddy.get(0) && k.page.order.get(2) === 1 && k.page.buddy.get(2) },
  sometimes: { "all memory is taken": (k) => k.zone.freePages.get() === 0 },
});
