/**
 * /sys/kernel/debug/split_huge_pages: splits what a process maps in a range, for tests and experiments.
 *
 * Not covered: the splits of a file and of all memory ("1").
 */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import { mmapReadLock, mmapReadUnlock } from "../locking/mmap-lock.ts";
import { vmBugOn } from "../bug.ts";
import { isHugeZeroPmd } from "./huge-zero.ts";
import { hasMiddleOrders } from "./orders.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Errno, Frames, Mm, Pfn, Refs, Table, Vma, Vpn } from "../structs/types.ts";
import { folioNrPages, folioTestLarge, pageFolio } from "../page-flags.ts";
import { folioExpectedRefCount, folioGet } from "../page-ref.ts";
import { entryTarget, isZeroPte, pmdPresent, pmdTransHuge, pteIndex, ptePresent } from "../pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpGetLockless, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioPut, folioTrylock, folioUnlock } from "../swap.ts";
import { vmaLookup } from "../vma-tree.ts";
import { splitFolioTo } from "./split-folio.ts";
import { SINGLE_PAGES, isUniform, partsToward, smallestOrder, splitAt, uniformParts, type Parts } from "./split-parts.ts";

/**
 * What "order,offset" of a text ask for, as far as this release reads them. Below 0, which a text without offset says, and behind
 * the largest folio there is no offset.
 * @kernel mm/huge_memory.c split_huge_pages_write()
 */
export function debugfsParts(k: Kernel, order: number, offset: number): number {
  if (k.param.splitToOrders.get() === 0) return SINGLE_PAGES;
  const inFolio = offset >= 0 && offset < k.param.hpagePmdNr.get() && k.param.splitTowardPage.get() !== 0;
  return inFolio ? partsToward(k, order, offset) : uniformParts(order);
}

/**
 * There are folios that can be larger than these parts. Where not, the walk would change nothing, and `Parts` has no number for it.
 * @model a kernel without thpAnon has no room for parts that are large
 */
export function debugfsCanSplit(k: Kernel, order: number): boolean {
  if (k.param.splitToOrders.get() === 0 || order === 0) return true;
  const smaller = order > 0 && order < k.param.hpagePmdOrder.get();
  vmBugOn(smaller && !hasMiddleOrders(k), "split-debugfs: folios smaller than a huge page take thpAnon, which says their sizes");
  return smaller;
}

/**
 * Splits each large folio that has a page mapped in start..end - 1, page by page, up to the first hole. A folio that
 * another thread holds or has locked stays as it is, and so does one that is no larger than its parts would be. The walk comes
 * to each page: what one split toward a page has left large is split further at the next.
 *
 * @kernel mm/huge_memory.c split_huge_pages_pid()
 * @holds nothing; `mm` is in use
 * @returns folios split
 */
export function* splitHugePagesPid(k: Kernel, mm: Mm, start: Vpn, end: Vpn, parts: Parts): Routine<Frames> {
  let split: Frames = 0;
  yield* mmapReadLock(k, mm);
  let addr: Vpn = start;
  while (addr < end) {
    const vma: Vma = vmaLookup(k, mm, addr);
    if (vma === NONE) break;
    const folio: Pfn = yield* lockSplittableFolio(k, mm, addr, parts);
    if (folio !== NONE) {
      const error: Errno = yield* splitFolioTo(k, folio, partsInFolio(k, folio, parts));
      if (error === 0) split = split + 1;
      yield at("folio_unlock");
      folioUnlock(k, folio);
      yield* folioPut(k, folio);
    }
    addr++;
  }
  yield* mmapReadUnlock(k, mm);
  return split;
}

/** An offset behind the folio counts as none. @kernel mm/huge_memory.c split_huge_pages_pid(), in_folio_offset */
function partsInFolio(k: Kernel, folio: Pfn, parts: number): number {
  return isUniform(k, parts) || splitAt(k, parts) < folioNrPages(k, folio) ? parts : uniformParts(smallestOrder(k, parts));
}

/**
 * The large folio that maps `vpn`, locked and with a reference, if nothing but its mappings refers to it.
 * @kernel mm/pagewalk.c folio_walk_start(), folio_walk_end()
 * @holds mmap_lock for reading
 * @returns NONE: nothing to split
 */
function* lockSplittableFolio(k: Kernel, mm: Mm, vpn: Vpn, parts: Parts): Routine<Pfn> {
  yield at("folio_walk_start: pmdp_get_lockless");
  if (pmdTransHuge(pmdpGetLockless(k, mm, vpn))) {
    yield* spinLock(k, pmdLockptr(k, mm));
    const pmd: Entry = pmdpGet(k, mm, vpn);
    if (pmdTransHuge(pmd)) {
      let folio: Pfn = NONE;
      if (pmdPresent(pmd) && !isHugeZeroPmd(k, pmd)) folio = yield* grabSplittable(k, entryTarget(pmd), parts);
      spinUnlock(k, pmdLockptr(k, mm));
      return folio;
    }
    // Split meanwhile: there is a table now.
    spinUnlock(k, pmdLockptr(k, mm));
  }
  const table: Table = yield* pteOffsetMapLock(k, mm, vpn);
  if (table === NONE) return NONE;
  const pte: Entry = k.ptTable.pte.get(table, pteIndex(k, vpn));
  let folio: Pfn = NONE;
  if (ptePresent(pte) && !isZeroPte(k, pte)) folio = yield* grabSplittable(k, pageFolio(k, entryTarget(pte)), parts);
  spinUnlock(k, ptlOf(k, table));
  return folio;
}

/** @holds the page-table lock under which the folio is mapped */
function* grabSplittable(k: Kernel, folio: Pfn, parts: Parts): Routine<Pfn> {
  if (!folioTestLarge(k, folio) || smallestOrder(k, parts) >= k.page.order.get(folio)) return NONE;
  // A look before the lock; the split counts again.
  yield at("folio_expected_ref_count");
  const expected: Refs = folioExpectedRefCount(k, folio);
  yield at("folio_ref_count");
  if (k.page.refcount.get(folio) !== expected) return NONE;
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return NONE;
  yield at("folio_get");
  folioGet(k, folio);
  return folio;
}
