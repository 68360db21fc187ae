/** Writes to pages that are mapped read-only: mm/memory.c do_wp_page(), wp_page_copy(). */
import { at, choose, NONE, spinUnlock, type Routine } from "thpcheck";
import { noteLastMapping } from "../huge-memory/unmapped-in-split.ts";
import { PG_SWAPBACKED, PG_UPTODATE, pageFlagsNonatomic } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Pfn, Refs, Vma } from "../structs/types.ts";
import { folioTestLarge, folioTestSwapcache, hasSwap, pageFolio } from "../page-flags.ts";
import { folioGet, folioMapcount, folioMaybeMappedShared } from "../page-ref.ts";
import { DIRTY, entryTarget, isZeroPte, maybeMkwrite, mkPte, pteIndex, setPteAt, YOUNG } from "../pgtable.ts";
import { ptepClearFlush, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioAddNewAnonRmap, folioMoveAnonRmap, folioRemoveRmapPtes } from "../rmap.ts";
import { hasReservations } from "../thp-reservation/container.ts";
import {
  announceReservedPage, getReservedPage, putUnmappedPage, reservationForCow, reservedPageMapped,
} from "../thp-reservation.ts";
import { folioAddLru, folioMarkFaulted, folioPut, folioTrylock, folioUnlock, lruAddDrain } from "../swap.ts";
import { folioFreeSwap, freeSwapCache } from "../swap/swapfile.ts";
import {
  FAULT_FLAG_UNSHARE, VM_FAULT_DONE, VM_FAULT_HWPOISON, VM_FAULT_OOM, type VmFault, type VmFaultReason,
} from "../vm-fault.ts";
import { folioPrealloc } from "./anon.ts";
import { vmfAnonPrepare } from "./prepare.ts";

/**
 * Gives the process a page of its own at the address of the fault: the page that is there, if nobody else has it,
 * else a copy.
 *
 * @kernel mm/memory.c do_wp_page()
 * @holds the lock of `vmf.pte`, where `vmf.origPte` was found; it is released. The VMA lock or mmap_lock, for reading
 */
export function* doWpPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  if (isZeroPte(k, vmf.origPte)) {
    spinUnlock(k, ptlOf(k, vmf.pte));
    return yield* wpPageCopy(k, vmf);
  }
  const page: Pfn = entryTarget(vmf.origPte);
  yield at("PageAnonExclusive");
  if (!k.page.anonExclusive.get(page)) {
    const reuse: boolean = yield* wpCanReuseAnonFolio(k, pageFolio(k, page), vmf.vma);
    if (!reuse) {
      // This reference keeps the page once the lock is dropped, and keeps other faults from reusing it during the
      // copy.
      yield at("folio_get");
      folioGet(k, pageFolio(k, page));
      spinUnlock(k, ptlOf(k, vmf.pte));
      return yield* wpPageCopy(k, vmf);
    }
    yield at("SetPageAnonExclusive");
    k.page.anonExclusive.set(page, true);
  }
  yield at("ptep_set_access_flags");
  if ((vmf.flags & FAULT_FLAG_UNSHARE) === 0) {
    setPteAt(k, vmf.pte, pteIndex(k, vmf.address), maybeMkwrite(vmf.origPte | YOUNG | DIRTY, k.vma.flags.get(vmf.vma)));
  }
  spinUnlock(k, ptlOf(k, vmf.pte));
  return VM_FAULT_DONE;
}

/**
 * Whether this mapping has the only reference to the folio, so that it can be made exclusive again.
 *
 * @kernel mm/memory.c wp_can_reuse_anon_folio()
 * @holds the page-table lock, under which the folio is mapped
 */
function* wpCanReuseAnonFolio(k: Kernel, folio: Pfn, vma: Vma): Routine<boolean> {
  if (folioTestLarge(k, folio)) {
    if (k.param.largeFolioReuse.get() === 0) return false;
    // The last mapped page of a folio is copied, so that the folio can be freed as a whole.
    yield at("folio_large_mapcount");
    if (folioMapcount(k, folio) <= 1) return false;
    if (hasSwap(k)) {
      const locked: boolean = yield* freeSwapOfLarge(k, folio);
      if (!locked) return false;
    }
    yield at("folio_lock_large_mapcount", null, { instruction: true });
    return onlyMapped(k, folio);
  }
  // A hint that avoids the work below. Three: this mapping, the LRU batch, the swap cache.
  yield at("folio_ref_count: hint");
  if (k.page.refcount.get(folio) > 3) return false;
  yield at("folio_test_lru");
  if (!k.page.lru.once(folio)) yield* lruAddDrain(k);
  let refs: Refs = 1;
  if (hasSwap(k)) {
    yield at("folio_test_swapcache");
    if (k.page.swap.once(folio) !== NONE) refs = 2;
  }
  yield at("folio_ref_count");
  if (k.page.refcount.get(folio) > refs) return false;
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return false;
  if (folioTestSwapcache(k, folio)) yield* folioFreeSwap(k, folio);
  yield at("folio_ref_count: locked");
  if (k.page.refcount.get(folio) !== 1) {
    yield at("folio_unlock");
    folioUnlock(k, folio);
    return false;
  }
  yield at("folio_move_anon_rmap");
  folioMoveAnonRmap(k, folio, vma);
  yield at("folio_unlock");
  folioUnlock(k, folio);
  return true;
}

/**
 * The swap cache's references hide who else has the folio. It keeps them if a swap entry is left.
 * @kernel mm/memory.c __wp_can_reuse_large_anon_folio()
 * @returns false: somebody has it locked
 */
function* freeSwapOfLarge(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_test_swapcache");
  if (k.page.swap.once(folio) === NONE) return true;
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return false;
  yield* folioFreeSwap(k, folio);
  yield at("folio_unlock");
  folioUnlock(k, folio);
  return true;
}

/**
 * Whether a large folio is this process's alone: nobody else maps it, and every reference is a mapping's. One step,
 * because the kernel reads under the large-mapcount bit lock: no mapping comes or goes meanwhile, and the reference
 * count is read once. The last mapped page of a folio is copied all the same, which frees the folio. The kernel asks
 * that before it takes the bit lock. A mapping that goes in between only makes it reuse a page that it would have
 * copied.
 *
 * @kernel mm/memory.c __wp_can_reuse_large_anon_folio()
 */
function onlyMapped(k: Kernel, folio: Pfn): boolean {
  return !folioMaybeMappedShared(k, folio) && folioMapcount(k, folio) > 1 && folioMapcount(k, folio) === k.page.refcount.get(folio);
}

/**
 * Copies the page that `vmf.origPte` maps (zeroes, for the zero page) and maps the copy in its place, if that entry is still there.
 *
 * @kernel mm/memory.c wp_page_copy()
 * @holds a reference to the old folio, which is dropped, unless it is the zero page; the VMA lock or mmap_lock, for reading
 */
function* wpPageCopy(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const mm: Mm = k.vma.mm.get(vmf.vma);
  const oldPage: Pfn = isZeroPte(k, vmf.origPte) ? NONE : entryTarget(vmf.origPte);
  const prepared: VmFaultReason = yield* vmfAnonPrepare(k, vmf);
  if (prepared !== VM_FAULT_DONE) {
    yield* putOldFolio(k, oldPage);
    return prepared;
  }
  let folio: Pfn = NONE;
  if (hasReservations(k)) {
    if (oldPage === NONE) folio = yield* getReservedPage(k, vmf.vma, vmf.address);
    else folio = yield* reservationForCow(k, vmf.vma, vmf.address);
  }
  const reserved: boolean = folio !== NONE;
  if (!reserved) folio = yield* folioPrealloc(k, 0, oldPage === NONE);
  if (folio === NONE) {
    yield* putOldFolio(k, oldPage);
    return VM_FAULT_OOM;
  }
  if (oldPage !== NONE) {
    yield at("copy_mc_user_highpage");
    if (k.param.copyMayMeetPoison.get() !== 0 && choose(k, "copy_mc_user_highpage meets poison", 2) === 1) {
      yield* putUnmappedPage(k, vmf.vma, vmf.address, folio, reserved);
      yield* putOldFolio(k, oldPage);
      return VM_FAULT_HWPOISON;
    }
    k.page.content.set(folio, k.page.content.get(oldPage));
    k.page.uptodate.set(folio, true);
    if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_UPTODATE);
  }
  vmf.pte = yield* pteOffsetMapLock(k, mm, vmf.address);
  const same: boolean = vmf.pte !== NONE && k.ptTable.pte.get(vmf.pte, pteIndex(k, vmf.address)) === vmf.origPte;
  if (!same) {
    if (vmf.pte !== NONE) spinUnlock(k, ptlOf(k, vmf.pte));
    yield* putUnmappedPage(k, vmf.vma, vmf.address, folio, reserved);
    yield* putOldFolio(k, oldPage);
    return VM_FAULT_DONE;
  }
  if (oldPage === NONE) k.mm.anonPages.add(mm, 1);
  // Before the new page can be seen, no CPU may go on with the old one. The entry is empty meanwhile, so the hardware
  // faults, and the fault waits for the lock.
  yield* ptepClearFlush(k, mm, vmf.pte, vmf.address);
  if (reserved) yield* reservedPageMapped(k, vmf.vma, vmf.address);
  yield at("folio_add_new_anon_rmap");
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_SWAPBACKED);
  folioAddNewAnonRmap(k, folio, vmf.vma, vmf.address);
  if (reserved) announceReservedPage(k, vmf.vma, vmf.address, folio);
  folioMarkFaulted(k, folio);
  yield* folioAddLru(k, folio);
  yield at("set_pte_at");
  const vmFlags = k.vma.flags.get(vmf.vma);
  const pte = mkPte(folio, vmFlags);
  setPteAt(k, vmf.pte, pteIndex(k, vmf.address), (vmf.flags & FAULT_FLAG_UNSHARE) !== 0 ? pte : maybeMkwrite(pte | DIRTY, vmFlags));
  // The old mapping goes only now that the new page is in place: the old page's mapcount must not reach 0 while this
  // mm can still read it.
  if (oldPage !== NONE) {
    yield at("folio_remove_rmap_pte");
    yield* folioRemoveRmapPtes(k, pageFolio(k, oldPage), oldPage, 1, vmf.vma);
    noteLastMapping(k, pageFolio(k, oldPage));
  }
  spinUnlock(k, ptlOf(k, vmf.pte));
  if (oldPage !== NONE) {
    yield* folioPut(k, pageFolio(k, oldPage));
    yield* freeSwapCache(k, pageFolio(k, oldPage));
  }
  yield* putOldFolio(k, oldPage);
  return VM_FAULT_DONE;
}

/** Drops the reference that do_wp_page() took. */
function* putOldFolio(k: Kernel, oldPage: Pfn): Routine {
  if (oldPage !== NONE) yield* folioPut(k, pageFolio(k, oldPage));
}
