/** Writes to huge pages that are mapped read-only: mm/huge_memory.c. */
import { at, mutexLock, NONE, spinLock, spinUnlock, type Routine } from "thpcheck";
import { checkStableAddressSpace } from "../memory/prepare.ts";
import { isHugeZeroPmd } from "./huge-zero.ts";
import { folioLockOrSleep } from "../folio-wait.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Pfn, PteIndex, Refs } from "../structs/types.ts";
import { folioNrPages, folioTestSwapcache } from "../page-flags.ts";
import { folioGet } from "../page-ref.ts";
import { DIRTY, entryTarget, hpageAddress, maybeMkwrite, YOUNG } from "../pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpHugeClearFlush, setPmdAt } from "../pgtable-generic.ts";
import { entireMapcountOf } from "../refcount/scheme.ts";
import { folioMoveAnonRmap } from "../rmap.ts";
import { folioPut, folioPutNew, folioTrylock, folioUnlock } from "../swap.ts";
import { folioFreeSwap } from "../swap/swapfile.ts";
import { FAULT_FLAG_UNSHARE, VM_FAULT_DONE, VM_FAULT_FALLBACK, type VmFault, type VmFaultReason } from "../vm-fault.ts";
import { mapAnonFolioPmd, vmaAllocAnonFolioPmd } from "./fault.ts";
import { splitHugePmd } from "./split-pmd.ts";

/**
 * A write (or an unsharing read) to a huge page without write permission. If the folio belongs to this process alone,
 * it becomes writable. Else the PMD is split, and the PTE path copies one page. Huge pages are not copied, since 5.8.
 *
 * @kernel mm/huge_memory.c do_huge_pmd_wp_page()
 * @holds the VMA lock or mmap_lock, for reading
 * @returns VM_FAULT_FALLBACK: the PMD has been split, go on with PTEs
 */
export function* doHugePmdWpPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const mm: Mm = k.vma.mm.get(vmf.vma);
  if (isHugeZeroPmd(k, vmf.origPmd)) {
    const upgraded: VmFaultReason = yield* doHugeZeroWpPmd(k, vmf);
    if (upgraded !== VM_FAULT_FALLBACK) return upgraded;
    yield* splitHugePmd(k, vmf.vma, vmf.address, false);
    return VM_FAULT_FALLBACK;
  }
  const folio: Pfn = entryTarget(vmf.origPmd);
  yield* spinLock(k, pmdLockptr(k, mm));
  if (pmdpGet(k, mm, vmf.address) !== vmf.origPmd) {
    spinUnlock(k, pmdLockptr(k, mm));
    return VM_FAULT_DONE;
  }
  if (!k.page.anonExclusive.get(folio)) {
    yield at("folio_trylock");
    if (!folioTrylock(k, folio)) {
      // Taking the lock sleeps, so the PMD lock is dropped. The reference keeps the folio meanwhile.
      yield at("folio_get");
      folioGet(k, folio);
      spinUnlock(k, pmdLockptr(k, mm));
      if (k.param.grainFlags.get() !== 0) yield* folioLockOrSleep(k, folio);
      else yield* mutexLock(k, k.page.lock.at(folio));
      yield* spinLock(k, pmdLockptr(k, mm));
      if (pmdpGet(k, mm, vmf.address) !== vmf.origPmd) {
        spinUnlock(k, pmdLockptr(k, mm));
        yield at("folio_unlock");
        folioUnlock(k, folio);
        yield* folioPut(k, folio);
        return VM_FAULT_DONE;
      }
      yield* folioPut(k, folio);
    }
    // It may have been made exclusive while this thread waited for the lock. A count of one is this mapping's own
    // reference: nobody else has any.
    yield at("PageAnonExclusive");
    if (!k.page.anonExclusive.get(folio)) {
      let tries: boolean = folioTestSwapcache(k, folio);
      if (tries) {
        yield at("folio_ref_count: swap cache");
        tries = k.page.refcount.get(folio) <= 1 + folioNrPages(k, folio);
      }
      if (tries) yield* folioFreeSwap(k, folio);
      yield at("folio_ref_count");
      let alone: boolean = k.page.refcount.get(folio) === 1;
      if (k.param.reuseByMapcount.get() !== 0) alone = yield* mappedOnce(k, folio);
      if (!alone) {
        yield at("folio_unlock");
        folioUnlock(k, folio);
        spinUnlock(k, pmdLockptr(k, mm));
        yield* splitHugePmd(k, vmf.vma, vmf.address, false);
        return VM_FAULT_FALLBACK;
      }
      yield at("folio_move_anon_rmap");
      folioMoveAnonRmap(k, folio, vmf.vma);
      yield at("SetPageAnonExclusive");
      k.page.anonExclusive.set(folio, true);
    }
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  yield at("pmdp_set_access_flags");
  if ((vmf.flags & FAULT_FLAG_UNSHARE) === 0) {
    setPmdAt(k, mm, hpageAddress(k, vmf.address), maybeMkwrite(vmf.origPmd | YOUNG | DIRTY, k.vma.flags.get(vmf.vma)));
  }
  spinUnlock(k, pmdLockptr(k, mm));
  return VM_FAULT_DONE;
}

/**
 * Whether the folio has one mapping. Counts the PTE mappings of its pages first, then those by PMDs. A split of the
 * PMD, which turns one into the other, must hold the folio lock.
 * @kernel mm/huge_memory.c page_trans_huge_mapcount(), mm/swapfile.c reuse_swap_page(), before 5.18
 * @holds the folio lock
 */
function* mappedOnce(k: Kernel, folio: Pfn): Routine<boolean> {
  let most: Refs = 0;
  for (let i: PteIndex = 0; i < folioNrPages(k, folio); i++) {
    yield at("page_trans_huge_mapcount: _mapcount");
    most = Math.max(most, k.page.mapcount.get(folio + i) + 1);
  }
  yield at("page_trans_huge_mapcount: compound_mapcount");
  return most + entireMapcountOf(k, folio) === 1;
}

/**
 * A write to the huge zero page: a huge page takes its place. The table deposited for the zero page stays.
 *
 * Before the upgrade existed (`param.hugeZeroUpgrade` off) the zero PMD was always split, and one small page allocated.
 *
 * @kernel mm/huge_memory.c do_huge_zero_wp_pmd()
 * @holds the VMA lock or mmap_lock, for reading
 */
function* doHugeZeroWpPmd(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  if (k.param.hugeZeroUpgrade.get() === 0) return VM_FAULT_FALLBACK;
  const mm: Mm = k.vma.mm.get(vmf.vma);
  const folio: Pfn = yield* vmaAllocAnonFolioPmd(k, vmf);
  if (folio === NONE) return VM_FAULT_FALLBACK;
  yield* spinLock(k, pmdLockptr(k, mm));
  const same: boolean = pmdpGet(k, mm, vmf.address) === vmf.origPmd;
  const stable: VmFaultReason = yield* checkStableAddressSpace(k, mm);
  if (!same || stable !== VM_FAULT_DONE) {
    spinUnlock(k, pmdLockptr(k, mm));
    yield* folioPutNew(k, folio);
    return same ? stable : VM_FAULT_DONE;
  }
  yield* pmdpHugeClearFlush(k, mm, hpageAddress(k, vmf.address));
  // The entry is cleared before the new folio can be found through the LRU.
  yield at("folio_add_new_anon_rmap");
  yield* mapAnonFolioPmd(k, folio, vmf.vma, hpageAddress(k, vmf.address), NONE);
  spinUnlock(k, pmdLockptr(k, mm));
  return VM_FAULT_DONE;
}
