/**
 * mm/khugepaged.c: the thread that replaces small pages by huge ones, and what it shares with MADV_COLLAPSE.
 *
 * Read in this order: `khugepaged/scan-result.ts`, `khugepaged/mm-slot.ts` (which address spaces to scan), this file
 * (the thread and its cursor), `khugepaged/suitability.ts` and `khugepaged/scan.ts` (is a range worth it),
 * `khugepaged/collapse.ts` with `khugepaged/isolate.ts` (the collapse), `khugepaged/madvise-collapse.ts`.
 *
 * The cursor, khugepaged_scan, is an mm and an address in it. It changes mm only under khugepaged_mm_lock, because the
 * exit of that mm asks whether it is there.
 *
 * Sizes between a page and a huge page: `khugepaged/mthp-collapse.ts`, where there are any and the kernel collapses to them.
 *
 * Not covered: files and shmem; sleeps between scans (scan_sleep_millisecs, alloc_sleep_millisecs):
 * the thread is ready whenever there is work; that the thread is started and stopped, with min_free_kbytes.
 */
import { NONE, at, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import { hugepageEnabled } from "./khugepaged/hugepage-enabled.ts";
import { mmapReadTrylock, mmapReadUnlock } from "./locking/mmap-lock.ts";
import type { Kernel } from "./mm-types.ts";
import type { Mm, Vma, Vpn } from "./structs/types.ts";
import { hpageAddress } from "./pgtable.ts";
import { lruAddDrainAll } from "./swap.ts";
import { findVma } from "./vma-tree.ts";
import { collapseControl, type CollapseControl } from "./khugepaged/collapse-control.ts";
import { collapseSinglePmd } from "./khugepaged/collapse-single-pmd.ts";
import { collectMmSlot } from "./khugepaged/mm-slot.ts";
import { slotNext } from "./khugepaged/mm-slot-list.ts";
import { noteProgress } from "./khugepaged/scan.ts";
import { SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_FAIL, type ScanResult } from "./khugepaged/scan-result.ts";
import { collapsePossible, collapseTestExitOrDisable } from "./khugepaged/suitability.ts";

/** How often a scan has begun at the head of the list. */
type PassThroughHead = Int<0, 2>;

/**
 * The thread. Rests while there is nothing to scan.
 * @kernel mm/khugepaged.c khugepaged(), khugepaged_wait_work(), khugepaged_has_work()
 */
export function* khugepaged(k: Kernel): Routine {
  for (;;) {
    // Two looks, one after the other: list_empty(), hugepage_pmd_enabled().
    yield at("khugepaged_wait_work", () => k.khugepaged.slots.once() !== 0, { idle: true });
    yield at("khugepaged_wait_work: hugepage_pmd_enabled", () => hugepageEnabled(k), { idle: true });
    yield* khugepagedDoScan(k);
  }
}

/**
 * One scan: until pages_to_scan is used up, every mm has had its turn, or memory has run out twice.
 * @kernel mm/khugepaged.c khugepaged_do_scan()
 */
export function* khugepagedDoScan(k: Kernel): Routine {
  const cc: CollapseControl = collapseControl(k, true);
  yield* lruAddDrainAll(k);
  yield at("khugepaged_pages_to_scan");
  k.khugepaged.budget.set(k.knob.pagesToScan.once());
  let passThroughHead: PassThroughHead = 0;
  let waited: boolean = false;
  for (;;) {
    yield* spinLock(k, k.khugepaged.lock.at());
    if (k.khugepaged.cursorMm.get() === NONE) passThroughHead++;
    if (passThroughHead === 2 || k.khugepaged.slots.get() === 0) break;
    yield at("hugepage_pmd_enabled");
    if (!hugepageEnabled(k)) break;
    const result: ScanResult = yield* collapseScanMmSlot(k, cc);
    if (k.khugepaged.budget.get() === 0) break;
    spinUnlock(k, k.khugepaged.lock.at());
    if (result !== SCAN_ALLOC_HUGE_PAGE_FAIL) continue;
    // khugepaged_alloc_sleep(), once in a scan.
    if (waited) {
      k.khugepaged.budget.set(0);
      return;
    }
    waited = true;
  }
  k.khugepaged.budget.set(0);
  spinUnlock(k, k.khugepaged.lock.at());
}

/**
 * Goes on with the mm at the cursor, or with the first one, until it is finished, mmap_lock had to be dropped for a
 * collapse, or pages_to_scan is used up. A pass is complete when the last mm on the list is finished.
 *
 * @kernel mm/khugepaged.c collapse_scan_mm_slot()
 * @holds khugepaged_mm_lock; on return, too
 * @returns the result of the last range, SCAN_FAIL if there was none
 */
export function* collapseScanMmSlot(k: Kernel, cc: CollapseControl): Routine<ScanResult> {
  if (k.khugepaged.cursorMm.get() === NONE) {
    k.khugepaged.cursorMm.set(slotAfter(k, NONE));
    k.khugepaged.cursorAddress.set(0);
  }
  const mm: Mm = k.khugepaged.cursorMm.get();
  spinUnlock(k, k.khugepaged.lock.at());

  let finished: boolean = true;
  let result: ScanResult = SCAN_FAIL;
  cc.lockDropped = false;
  yield at("mmap_read_trylock");
  // A process whose mmap_lock is held for writing is left alone: it counts as finished.
  if (mmapReadTrylock(k, mm)) {
    noteProgress(k, 1, cc);
    yield at("collapse_test_exit_or_disable");
    let vma: Vma = collapseTestExitOrDisable(k, mm) ? NONE : findVma(k, mm, k.khugepaged.cursorAddress.get());
    while (vma !== NONE && !cc.lockDropped) {
      yield at("thp_vma_allowable_order");
      const enters: boolean = entersRange(k, vma, cc);
      if (!enters) {
        noteProgress(k, 1, cc);
        vma = findVma(k, mm, k.vma.end.get(vma));
        continue;
      }
      const addr: Vpn = k.khugepaged.cursorAddress.get();
      if (addr >= hpageAddress(k, k.vma.end.get(vma))) {
        vma = findVma(k, mm, k.vma.end.get(vma));
        continue;
      }
      result = yield* collapseSinglePmd(k, mm, vma, addr, cc);
      k.khugepaged.cursorAddress.set(addr + k.param.hpagePmdNr.get());
      yield at("collapse_test_exit_or_disable");
      if (collapseTestExitOrDisable(k, mm) || k.khugepaged.budget.get() === 0) break;
    }
    finished = vma === NONE;
    if (!cc.lockDropped) yield* mmapReadUnlock(k, mm);
  }

  yield* spinLock(k, k.khugepaged.lock.at());
  vmBugOn(k.khugepaged.cursorMm.get() !== mm, "khugepaged: somebody else moved the cursor");
  if (finished || collapseTestExitOrDisable(k, mm)) {
    k.khugepaged.cursorMm.set(slotAfter(k, mm));
    k.khugepaged.cursorAddress.set(0);
    if (k.khugepaged.cursorMm.get() === NONE) k.vmstat.khugepagedFullScans.add(1);
    yield at("collect_mm_slot");
    yield* collectMmSlot(k, mm);
  }
  return result;
}

/** Moves the cursor to the first huge range of the VMA that is not scanned yet. @returns false: there is nothing to do in this VMA */
function entersRange(k: Kernel, vma: Vma, cc: CollapseControl): boolean {
  if (!collapsePossible(k, vma, cc)) return false;
  const hstart = hpageAddress(k, k.vma.start.get(vma) + k.param.hpagePmdNr.get() - 1);
  const hend = hpageAddress(k, k.vma.end.get(vma));
  if (k.khugepaged.cursorAddress.get() > hend) return false;
  if (k.khugepaged.cursorAddress.get() < hstart) k.khugepaged.cursorAddress.set(hstart);
  return true;
}

/** The mm on the list that comes after `mm` (NONE: the first), or NONE. @holds khugepaged_mm_lock */
function slotAfter(k: Kernel, mm: Mm): Mm {
  if (k.param.grainSlots.get() !== 0) return slotNext(k, mm);
  for (let next = mm + 1; next < k.mm.count; next++) if (k.khugepaged.slots.has(next)) return next;
  return NONE;
}
