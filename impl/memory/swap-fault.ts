/**
 * Faults on swap entries: mm/memory.c do_swap_page().
 *
 * The folio is looked for in the swap cache, and read into it if it is not there, so that a second fault on the slot finds it. Then it
 * is locked, and under its lock and the page-table lock everything is asked again: whether it still has the slot, and whether the
 * entry is still what it was. So an entry that has come back, for another folio or with another content, does no harm.
 *
 * A device that is not synchronous reads while the fault waits: either the read is over before the fault comes to the folio lock, or
 * the fault gives its own lock up, as for any folio that is locked, and comes again. Both are done here by the thread itself, as
 * nobody else can use the folio before.
 *
 * A fault under mmap_lock waits for a folio with that held, as it does in Linux the second time (FAULT_FLAG_TRIED). That the first
 * time it lets go of it, too, adds only the wait of a fault under the VMA lock.
 *
 * Not covered: readahead, swap-in of large folios, errors of the device, KSM, swapoff, other kinds of entries. A folio that is mapped
 * here is in the swap cache, so that the count of references by which Linux could find that it has no other user never says so.
 */
import { NONE, at, choose, record, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { EEXIST } from "../errno.ts";
import { vmaEndRead } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages, folioTestLarge } from "../page-flags.ts";
import { folioRefAdd } from "../page-ref.ts";
import {
  DIRTY, EXCLUSIVE, WRITE, entryHas, entryTarget, hpageAddress, mkEntry, mkPte, pteIndex, setPteAt,
} from "../pgtable.ts";
import { pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioAddAnonRmapPtes, folioSetAnon } from "../rmap.ts";
import type { Entry, Mm, Pfn, PteIndex, SwapSlot, Vma, Vpn } from "../structs/types.ts";
import { VM_LOCKED, VM_WRITE } from "../structs/vma.ts";
import { folioLock, folioPut, folioTrylock, folioUnlock, lruAddDrain } from "../swap.ts";
import { swapReadFolio } from "../swap/page-io.ts";
import {
  folioMatchesSwapEntry, swapCacheAllocFolio, swapCacheGetFolio, type SwapCacheAlloc,
} from "../swap/swap-state.ts";
import { memCgroupSwapFull } from "../swap/swap-table.ts";
import { folioFreeSwap, folioPutSwap } from "../swap/swapfile.ts";
import {
  FAULT_FLAG_VMA_LOCK, FAULT_FLAG_WRITE, VM_FAULT_DONE, VM_FAULT_OOM, VM_FAULT_RETRY, type VmFault,
  type VmFaultReason,
} from "../vm-fault.ts";
import { doWpPage } from "./cow.ts";

/**
 * `vmf.origPte` is a swap entry, found without a lock.
 *
 * @kernel mm/memory.c do_swap_page()
 * @holds the VMA lock (FAULT_FLAG_VMA_LOCK) or mmap_lock, for reading
 * @returns VM_FAULT_RETRY: the VMA lock is gone
 */
export function* doSwapPage(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  const mm: Mm = k.vma.mm.get(vmf.vma);
  const entry: SwapSlot = entryTarget(vmf.origPte);
  let folio: Pfn = yield* swapCacheGetFolio(k, entry);
  let locked: boolean = false;
  if (folio === NONE) {
    const alloc: SwapCacheAlloc = record({ folio: NONE, error: 0 });
    yield* swapinFolio(k, entry, alloc);
    folio = alloc.folio;
    if (folio === NONE) return yield* backOut(k, vmf);
    k.vmstat.pgmajfault.add(1);
    locked = alloc.error === 0;
  }
  if (locked) {
    // Nobody has waited for the read: it is over.
    const waits: boolean = waitsForRead(k, vmf);
    if (waits) {
      yield at("release_fault_lock");
      vmaEndRead(k, vmf.vma);
    }
    yield* swapReadFolio(k, folio);
    yield at("folio_unlock");
    folioUnlock(k, folio);
    if (waits) {
      yield* folioPut(k, folio);
      return VM_FAULT_RETRY;
    }
  }
  yield at("folio_lock_or_retry");
  if (!folioTrylock(k, folio)) {
    if ((vmf.flags & FAULT_FLAG_VMA_LOCK) !== 0) {
      vmaEndRead(k, vmf.vma);
      yield at("folio_wait_locked", () => !k.page.lock.isHeld(folio));
      yield* folioPut(k, folio);
      return VM_FAULT_RETRY;
    }
    yield* folioLock(k, folio);
  }
  const matches: boolean = folioMatchesSwapEntry(k, folio, entry);
  if (matches && (vmf.flags & FAULT_FLAG_WRITE) !== 0) {
    yield at("folio_test_lru");
    if (!k.page.lru.once(folio)) yield* lruAddDrain(k);
  }
  let same: boolean = matches;
  if (matches) {
    vmf.pte = yield* pteOffsetMapLock(k, mm, vmf.address);
    same = vmf.pte !== NONE && k.ptTable.pte.get(vmf.pte, pteIndex(k, vmf.address)) === vmf.origPte;
    if (!same && vmf.pte !== NONE) spinUnlock(k, ptlOf(k, vmf.pte));
  }
  if (!same) {
    yield* folioFreeSwap(k, folio);
    yield at("folio_unlock");
    folioUnlock(k, folio);
    yield* folioPut(k, folio);
    return VM_FAULT_DONE;
  }
  vmBugOn(!k.page.uptodate.get(folio), "memory: a folio is mapped that has not been read");
  return yield* mapSwappedIn(k, vmf, folio, entry);
}

/** The fault lets its lock go while the device reads: as the device happens to be. @kernel mm/filemap.c __folio_lock_or_retry() */
function waitsForRead(k: Kernel, vmf: VmFault): boolean {
  if (k.param.swapIsSynchronous.get() !== 0 || (vmf.flags & FAULT_FLAG_VMA_LOCK) === 0) return false;
  return choose(k, "the read is over before the folio is locked", 2) === 1;
}

/**
 * A folio of the slot, in the swap cache, with a reference: the one that is there by now, or a new one.
 * @kernel mm/swap_state.c swapin_sync(), swap_cache_read_folio()
 * @returns in `alloc`: no error: the folio is new, locked, and to be read; -EEXIST: it was there; NONE: there is no memory, or the
 *   slot is free
 */
function* swapinFolio(k: Kernel, entry: SwapSlot, alloc: SwapCacheAlloc): Routine {
  for (;;) {
    yield* swapCacheAllocFolio(k, entry, alloc);
    if (alloc.error !== -EEXIST) return;
    alloc.folio = yield* swapCacheGetFolio(k, entry);
    if (alloc.folio !== NONE) return;
  }
}

/** No folio: fails only if it is still wanted. @kernel mm/memory.c do_swap_page() */
function* backOut(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  vmf.pte = yield* pteOffsetMapLock(k, k.vma.mm.get(vmf.vma), vmf.address);
  if (vmf.pte === NONE) return VM_FAULT_DONE;
  const same: boolean = k.ptTable.pte.get(vmf.pte, pteIndex(k, vmf.address)) === vmf.origPte;
  spinUnlock(k, ptlOf(k, vmf.pte));
  return same ? VM_FAULT_OOM : VM_FAULT_DONE;
}

/**
 * The entry becomes a mapping again; of a large folio all of them, if all are swap entries here. Writable at once if the page was
 * exclusive, which fork would have taken away.
 *
 * The counts of the slots go before the entries do: the page-table lock and the swap cache keep both.
 * @kernel mm/memory.c do_swap_page(), from check_folio on
 * @holds the lock of `vmf.pte`, where `vmf.origPte` is, the folio lock and a reference, all of which it drops; as doSwapPage()
 */
function* mapSwappedIn(k: Kernel, vmf: VmFault, folio: Pfn, entry: SwapSlot): Routine<VmFaultReason> {
  const vma: Vma = vmf.vma;
  const at0: PteIndex = entry - k.page.swap.get(folio);
  const whole: boolean = swapPteBatch(k, vmf, folio, at0);
  const nr: PteIndex = whole ? folioNrPages(k, folio) : 1;
  const start: Vpn = whole ? vmf.address - at0 : vmf.address;
  const first: Pfn = whole ? folio : folio + at0;
  vmBugOn(k.page.anonExclusive.get(folio + at0), "memory: a swap entry names a page that is exclusive");
  let exclusive: boolean = entryHas(vmf.origPte, EXCLUSIVE);
  if (exclusive) {
    for (let i = 0; i < nr; i++) vmBugOn(countOf(k, folio, first + i) !== 1, "memory: an exclusive swap entry is not the only one");
    // zram must not see a page change while it reads it (SWP_STABLE_WRITES).
    if (k.param.swapIsSynchronous.get() !== 0) {
      yield at("folio_test_writeback");
      if (k.page.writeback.get(folio) !== 0) exclusive = false;
    }
  }
  k.mm.anonPages.add(k.vma.mm.get(vma), nr);
  k.mm.swapEntries.add(k.vma.mm.get(vma), -nr);
  let pte: Entry = mkPte(first, k.vma.flags.get(vma));
  let writes: boolean = (vmf.flags & FAULT_FLAG_WRITE) !== 0;
  if (exclusive && (k.vma.flags.get(vma) & VM_WRITE) !== 0) {
    pte = pte | WRITE;
    if (writes) pte = pte | DIRTY;
    writes = false;
  }
  yield at("folio_test_anon");
  if (!k.page.anon.get(folio)) {
    yield at("__folio_set_anon");
    folioSetAnon(k, folio, vma, start, exclusive);
  }
  if (nr > 1) {
    yield at("folio_ref_add");
    folioRefAdd(k, folio, nr - 1);
  }
  yield at("folio_add_anon_rmap_ptes");
  folioAddAnonRmapPtes(k, folio, first, nr, vma, start, exclusive);
  yield* folioPutSwap(k, folio, first, nr);
  for (let i: PteIndex = 0; i < nr; i++) {
    yield at("set_ptes");
    setPteAt(k, vmf.pte, pteIndex(k, start + i), pte + mkEntry(i, 0));
  }
  const needless: boolean = yield* shouldTryToFreeSwap(k, vmf, folio, nr, writes);
  if (needless) yield* folioFreeSwap(k, folio);
  yield at("folio_unlock");
  folioUnlock(k, folio);
  if (writes) {
    vmf.origPte = pte + mkEntry(vmf.address - start, 0);
    return yield* doWpPage(k, vmf);
  }
  spinUnlock(k, ptlOf(k, vmf.pte));
  return VM_FAULT_DONE;
}

function countOf(k: Kernel, folio: Pfn, page: Pfn): number {
  return k.swapDevice.counts.once(0, k.page.swap.get(folio) + page - folio);
}

/**
 * Whether the folio is large, and the entries around the fault's name its slots in their order, with the same rights; all in one
 * table and in the VMA.
 * @kernel mm/internal.h swap_pte_batch(), mm/memory.c do_swap_page()
 * @holds the table's lock, folio lock
 */
function swapPteBatch(k: Kernel, vmf: VmFault, folio: Pfn, index: number): boolean {
  if (!folioTestLarge(k, folio)) return false;
  const start = vmf.address - index;
  const end = start + folioNrPages(k, folio);
  const range = hpageAddress(k, vmf.address);
  if (start < range || start < k.vma.start.get(vmf.vma)) return false;
  if (end > range + k.param.hpagePmdNr.get() || end > k.vma.end.get(vmf.vma)) return false;
  for (let i = 0; i < folioNrPages(k, folio); i++) {
    if (k.ptTable.pte.get(vmf.pte, pteIndex(k, start + i)) !== vmf.origPte + mkEntry(i - index, 0)) return false;
  }
  return true;
}

/**
 * A device that is fast does without the copy in the swap cache. On another one the slot stays while there is room; but who writes to
 * a page that may be shared frees it, to find out that nobody else has it.
 * @kernel mm/memory.c should_try_to_free_swap()
 * @holds folio lock, the page-table lock
 */
function* shouldTryToFreeSwap(k: Kernel, vmf: VmFault, folio: Pfn, nr: PteIndex, writes: boolean): Routine<boolean> {
  if (k.param.swapIsSynchronous.get() !== 0) return true;
  yield at("vm_swap_full");
  if (memCgroupSwapFull(k) || (k.vma.flags.get(vmf.vma) & VM_LOCKED) !== 0) return true;
  if (!writes) return false;
  yield at("folio_ref_count");
  return k.page.refcount.get(folio) === nr + folioNrPages(k, folio);
}
