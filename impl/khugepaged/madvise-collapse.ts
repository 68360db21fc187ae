/**
 * madvise(MADV_COLLAPSE): collapses every huge range inside a part of a VMA, at once, in the caller's time. It
 * ignores sysfs and respects only VM_NOHUGEPAGE and prctl(PR_SET_THP_DISABLE).
 */
import { choose, type Int, type Routine } from "thpcheck";
import { EAGAIN, EBUSY, EINVAL, ENOMEM } from "../errno.ts";
import { TVA_FORCED_COLLAPSE, thpVmaAllowableOrder } from "../huge-memory/eligibility.ts";
import { mmapReadLock } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import type { Errno, Mm, Vma, Vpn } from "../structs/types.ts";
import { lruAddDrainAll } from "../swap.ts";
import { findVma } from "../vma-tree.ts";
import { hpageAddress } from "../pgtable.ts";
import { collapseControl, type CollapseControl } from "./collapse-control.ts";
import { collapseSinglePmd } from "./collapse-single-pmd.ts";
import {
  SCAN_ALLOC_HUGE_PAGE_FAIL, SCAN_CGROUP_CHARGE_FAIL, SCAN_DEL_PAGE_LRU, SCAN_EXCEED_NONE_PTE, SCAN_FAIL,
  SCAN_LACK_REFERENCED_PAGE, SCAN_NO_PTE_TABLE, SCAN_PAGE_COUNT, SCAN_PAGE_LOCK, SCAN_PAGE_LRU, SCAN_PAGE_RO,
  SCAN_PMD_MAPPED, SCAN_PTE_NON_PRESENT, SCAN_SUCCEED, type ScanResult,
} from "./scan-result.ts";
import { hugepageVmaRevalidate } from "./suitability.ts";

/** Huge ranges of one call. */
type Ranges = Int<0, 0xffff>;

/**
 * Collapses the whole huge ranges in start..end of the VMA; goes on after failures that concern one range only.
 * mmap_lock is dropped on the way, so the VMA may have changed on return: the caller looks it up again.
 *
 * The kernel's reference to the mm for the time without the lock is not taken: the caller is a user of it.
 *
 * @kernel mm/khugepaged.c madvise_collapse()
 * @holds mmap_lock for reading; on return, too
 * @returns 0: every range is huge now; -EINVAL: the VMA may not have huge pages, or a range cannot become one; -EAGAIN:
 *   a page was in use for a moment; -EBUSY: the memory cgroup is full; -ENOMEM: no huge page
 */
export function* madviseCollapse(k: Kernel, firstVma: Vma, start: Vpn, end: Vpn): Routine<Errno> {
  const nr = k.param.hpagePmdNr.get();
  const mm: Mm = k.vma.mm.get(firstVma);
  if (!thpVmaAllowableOrder(k, firstVma, TVA_FORCED_COLLAPSE)) return -EINVAL;
  const hstart: Vpn = hpageAddress(k, start + nr - 1);
  let hend: Vpn = hpageAddress(k, end);
  if (hstart > hend && k.param.collapseOfNothingSucceeds.get() === 0) return -EINVAL;
  if (hstart >= hend) return 0;
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "kmalloc of collapse_control fails", 2) === 1) return -ENOMEM;
  const cc: CollapseControl = collapseControl(k, false);
  // A page in a batch has a reference that would stop the collapse.
  yield* lruAddDrainAll(k);

  let vma: Vma = firstVma;
  let thps: Ranges = 0;
  let lastFail: ScanResult = SCAN_FAIL;
  for (let addr: Vpn = hstart; addr < hend; addr += nr) {
    if (cc.lockDropped) {
      yield* mmapReadLock(k, mm);
      cc.lockDropped = false;
      const valid: ScanResult = yield* hugepageVmaRevalidate(k, mm, addr, false, cc);
      if (valid !== SCAN_SUCCEED) {
        lastFail = valid;
        break;
      }
      vma = findVma(k, mm, addr);
      const vmaEnd = hpageAddress(k, k.vma.end.get(vma));
      if (vmaEnd < hend) hend = vmaEnd;
    }
    const result: ScanResult = yield* collapseSinglePmd(k, mm, vma, addr, cc);
    if (result === SCAN_SUCCEED || result === SCAN_PMD_MAPPED) {
      thps++;
    } else {
      lastFail = result;
      if (!concernsOneRange(result)) break;
    }
  }
  if (cc.lockDropped) yield* mmapReadLock(k, mm);
  return thps === Math.floor((hend - hstart) / nr) ? 0 : madviseCollapseErrno(lastFail);
}

/** Failures after which the next range is tried. SCAN_PMD_NONE, of older kernels, is not among them. */
function concernsOneRange(result: ScanResult): boolean {
  return result === SCAN_NO_PTE_TABLE || result === SCAN_PTE_NON_PRESENT || result === SCAN_LACK_REFERENCED_PAGE ||
    result === SCAN_PAGE_COUNT || result === SCAN_PAGE_LOCK || result === SCAN_PAGE_LRU || result === SCAN_DEL_PAGE_LRU ||
    result === SCAN_PAGE_RO;
}

/** @kernel mm/khugepaged.c madvise_collapse_errno() */
export function madviseCollapseErrno(result: ScanResult): number {
  switch (result) {
    case SCAN_ALLOC_HUGE_PAGE_FAIL: return -ENOMEM;
    case SCAN_CGROUP_CHARGE_FAIL:
    case SCAN_EXCEED_NONE_PTE: return -EBUSY;
    case SCAN_PAGE_COUNT:
    case SCAN_PAGE_LOCK:
    case SCAN_PAGE_LRU:
    case SCAN_DEL_PAGE_LRU: return -EAGAIN;
    default: return -EINVAL;
  }
}
