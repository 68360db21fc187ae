/**
 * /sys/kernel/debug/split_huge_pages: splits what a process maps in a range, for tests and experiments.
 *
 * Not covered: the splits of a file and of all memory ("1"), target orders above 0, an offset in the folio (a non-uniform
 * split).
 */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import { mmapReadLock, mmapReadUnlock } from "../locking/mmap-lock.ts";
import { isHugeZeroPmd } from "./huge-zero.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Errno, Frames, Mm, Pfn, Refs, Table, Vma, Vpn } from "../structs/types.ts";
import { folioTestLarge, pageFolio } from "../page-flags.ts";
import { folioExpectedRefCount, folioGet } from "../page-ref.ts";
import { entryTarget, isZeroPte, pmdPresent, pmdTransHuge, pteIndex, ptePresent } from "../pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpGetLockless, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioPut, folioTrylock, folioUnlock } from "../swap.ts";
import { vmaLookup } from "../vma-tree.ts";
import { splitFolio } from "./split-folio.ts";

/**
 * Splits each large folio that has a page mapped in start..end - 1, page by page, up to the first hole. A folio that
 * another thread holds or has locked stays as it is.
 *
 * @kernel mm/huge_memory.c split_huge_pages_pid()
 * @holds nothing; `mm` is in use
 * @returns folios split
 */
export function* splitHugePagesPid(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Routine<Frames> {
  let split: Frames = 0;
  yield* mmapReadLock(k, mm);
  let addr: Vpn = start;
  while (addr < end) {
    const vma: Vma = vmaLookup(k, mm, addr);
    if (vma === NONE) break;
    const folio: Pfn = yield* lockSplittableFolio(k, mm, addr);
    if (folio !== NONE) {
      const error: Errno = yield* splitFolio(k, folio);
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

/**
 * The large folio that maps `vpn`, locked and with a reference, if nothing but its mappings refers to it.
 * @kernel mm/pagewalk.c folio_walk_start(), folio_walk_end()
 * @holds mmap_lock for reading
 * @returns NONE: nothing to split
 */
function* lockSplittableFolio(k: Kernel, mm: Mm, vpn: Vpn): Routine<Pfn> {
  yield at("folio_walk_start: pmdp_get_lockless");
  if (pmdTransHuge(pmdpGetLockless(k, mm, vpn))) {
    yield* spinLock(k, pmdLockptr(k, mm));
    const pmd: Entry = pmdpGet(k, mm, vpn);
    if (pmdTransHuge(pmd)) {
      let folio: Pfn = NONE;
      if (pmdPresent(pmd) && !isHugeZeroPmd(k, pmd)) folio = yield* grabSplittable(k, entryTarget(pmd));
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
  if (ptePresent(pte) && !isZeroPte(k, pte)) folio = yield* grabSplittable(k, pageFolio(k, entryTarget(pte)));
  spinUnlock(k, ptlOf(k, table));
  return folio;
}

/** @holds the page-table lock under which the folio is mapped */
function* grabSplittable(k: Kernel, folio: Pfn): Routine<Pfn> {
  if (!folioTestLarge(k, folio)) return NONE;
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
