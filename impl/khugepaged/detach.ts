/**
 * Takes the page table of a huge range out of the address space, and puts it back. Both ways to make a huge page of
 * mapped pages begin with this: the collapse (`collapse.ts`) and the promotion of a reservation (`thp-reservation/`).
 * K14 to K25 of the list in collapse.ts: the middle of collapse_huge_page().
 *
 * There are two parts, because a promotion checks more between them, under the locks.
 */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { mmgetStillValid } from "../coredump.ts";
import { vmaStartWrite } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Table, Vma, Vpn } from "../structs/types.ts";
import { entryTarget, pmdNone } from "../pgtable.ts";
import { pmdLockptr, pmdPopulate, pmdpCollapseFlush, pmdpGet, ptlOf, tableOwn } from "../pgtable-generic.ts";
import { anonVmaLockWrite } from "../anon-vma.ts";
import { tlbRemoveTableSyncOne } from "../tlb.ts";
import { findVma } from "../vma-tree.ts";
import { announceReattached, noteDetached } from "./announce.ts";
import type { CollapseControl } from "./collapse-control.ts";
import { SCAN_ANY_PROCESS, SCAN_SUCCEED, type ScanResult } from "./scan-result.ts";
import { findPmdOrThpOrNone, hugepageVmaRevalidate } from "./suitability.ts";

/**
 * Checks again what the scan has checked, now that nobody else can change it. Locks out faults and reverse-map walks.
 * `known`: for callers that cached the VMA before (patch of 2018); NONE: the VMA that is there now.
 *
 * @kernel mm/khugepaged.c collapse_huge_page(), from hugepage_vma_revalidate() to anon_vma_lock_write()
 * @holds mmap_lock for writing
 * @returns SCAN_SUCCEED: the VMA lock and the anon_vma lock are held for writing, and `findVma(k, mm, start)` is the VMA
 */
export function* lockHugeRange(k: Kernel, mm: Mm, start: Vpn, known: Vma, cc: CollapseControl): Routine<ScanResult> {
  const valid: ScanResult = yield* hugepageVmaRevalidate(k, mm, start, true, cc);
  if (valid !== SCAN_SUCCEED) return valid;
  if (!mmgetStillValid(k, mm)) return SCAN_ANY_PROCESS;
  const vma: Vma = known === NONE ? findVma(k, mm, start) : known;
  // Handlers that hold the VMA lock alone have finished with the page table.
  yield* vmaStartWrite(k, vma);
  yield at("check_pmd_still_valid");
  const still: ScanResult = findPmdOrThpOrNone(k, mm, start);
  if (still !== SCAN_SUCCEED) return still;
  yield* anonVmaLockWrite(k, k.vma.anonVma.get(vma));
  return SCAN_SUCCEED;
}

/**
 * Takes the table out: no CPU reaches its pages any more, and no lockless walker is left in it.
 *
 * @kernel mm/khugepaged.c collapse_huge_page(), pmdp_collapse_flush()
 * @holds what lockHugeRange() has taken
 * @returns the table, its lock held
 */
export function* detachPageTable(k: Kernel, mm: Mm, start: Vpn): Routine<Table> {
  yield* spinLock(k, pmdLockptr(k, mm));
  const detached: Entry = yield* pmdpCollapseFlush(k, mm, start);
  spinUnlock(k, pmdLockptr(k, mm));
  if (k.param.collapseTableSync.get() !== 0) yield* tlbRemoveTableSyncOne(k);
  const table: Table = entryTarget(detached);
  yield* spinLock(k, ptlOf(k, table));
  tableOwn(k, table);
  noteDetached(k, table);
  return table;
}

/**
 * Undoes the detachment. Nothing in the table has changed, so nothing has to be flushed.
 * @kernel mm/khugepaged.c collapse_huge_page(): pmd_populate()
 * @holds mmap_lock for writing
 */
export function* reattachTable(k: Kernel, mm: Mm, start: Vpn, table: Table, poisoned: boolean): Routine {
  yield* spinLock(k, pmdLockptr(k, mm));
  vmBugOn(!pmdNone(pmdpGet(k, mm, start)), "khugepaged: somebody filled the PMD entry during a collapse");
  pmdPopulate(k, mm, start, table);
  announceReattached(k, mm, start, table, poisoned);
  spinUnlock(k, pmdLockptr(k, mm));
}
