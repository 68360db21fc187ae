/**
 * Reclaim: mm/vmscan.c shrink_folio_list(), with mm/rmap.c try_to_unmap().
 *
 * After MADV_FREE a clean lazyfree folio, huge or small, is unmapped and freed. A huge PMD is split first, and then its
 * PTEs go. Kernels with `param.lazyfreePmdDiscard` unmap the PMD as it is; `discardAnonFolioPmd` says what comes of that.
 *
 * Any other anonymous folio goes to swap (`swapSlots`): it gets slots, its PTEs become swap entries, it is written and dropped. A
 * large one for which there is no room is split, since there might be room for its parts. Without swap there never is, and it
 * stays.
 *
 * Each entry that is cleared is flushed at once, as on architectures without ARCH_WANT_BATCHED_UNMAP_TLB_FLUSH (see
 * migrate.ts), but for those of folios that go to swap with `param.unmapDefersFlush`. The walk is PVMW_SYNC for small folios too.
 * Not covered: writeback of files; references by accessed bits (folio_check_references()), since that only decides which folio is
 * looked at, and MADV_PAGEOUT does not ask; VM_DROPPABLE; the assertion that no isolated folio is active, since activation here does
 * not wait for a batch (folioMarkAccessed()).
 */
import { NONE, at, emit, record, spinLock, spinUnlock, type Int, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { anonVmaLockRead, anonVmaUnlockRead, folioGetAnonVma, putAnonVma } from "./anon-vma.ts";
import { vmBugOn } from "./bug.ts";
import { folioPteBatchRespectWrite } from "./folio-pte-batch.ts";
import { highestOrder } from "./huge-memory/orders.ts";
import { isListed } from "./huge-memory/deferred-split.ts";
import { splitFolioToList } from "./huge-memory/split-folio.ts";
import { splitHugePmdLocked } from "./huge-memory/split-pmd.ts";
import { LRU_INACTIVE_FILE, lruListRotate, lruListTail } from "./lru-list.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Avc, Entry, Errno, Folios, Mm, Pfn, PteIndex, Refs, Table, Vma, Vpn } from "./structs/types.ts";
import { VM_LOCKED } from "./structs/vma.ts";
import { folioNrPages, folioTestLarge, folioTestPmdMappable, folioTestSwapcache, hasSwap } from "./page-flags.ts";
import { folioExpectedRefCount, folioMapcount, folioMaybeDmaPinned, folioRefFreeze, folioRefSub, folioTryGet } from "./page-ref.ts";
import { pageVmaMappedWalk, vmaAddress, type PageVmaMappedWalk } from "./page-vma-mapped.ts";
import { DIRTY, ENTRY_NONE, YOUNG, entryHas, entryTarget, hpageAddress, mkEntry, pmdIndex, pteIndex, setPteAt } from "./pgtable.ts";
import {
  pgtableTransHugeWithdraw, pmdLockptr, pmdpHugeClearFlush, pteFreeDefer, ptlOf, setPmdAt,
} from "./pgtable-generic.ts";
import { folioRemoveRmapPmd, folioRemoveRmapPtes } from "./rmap.ts";
import { folioPut, folioPutbackLru, folioTrylock, folioUnlock, lruvecIsolateFolio, putReleasedFolio } from "./swap.ts";
import { memCgroupSwapFull } from "./swap/swap-table.ts";
import { folioAllocSwap, folioFreeSwap } from "./swap/swapfile.ts";
import { tryToUnmapFlush, tryToUnmapFlushDirty } from "./tlb-batch.ts";
import { flushTlbRange } from "./tlb.ts";
import { userMemoryReclaimed } from "./user-memory.ts";
import { folioListAdd, folioListAddNext, folioListDel, type FolioList } from "./vmscan/folio-list.ts";
import { PAGE_CLEAN, PAGE_KEEP, pageout, removeMapping, type Pageout } from "./vmscan/pageout.ts";
import { unmapAnonPte } from "./vmscan/unmap-anon.ts";

/**
 * Tries to reclaim a lazyfree folio that is on the LRU.
 * @kernel mm/vmscan.c isolate_lru_folios(), shrink_folio_list()
 * @holds nothing
 * @returns whether it was freed; otherwise it is back on the LRU, swapbacked again if it has been written to
 */
export function* shrinkLazyfreeFolio(k: Kernel, folio: Pfn): Routine<boolean> {
  yield* spinLock(k, k.lruvec.lock.at());
  const isolated: boolean = k.page.lru.get(folio) && !k.page.swapbacked.get(folio) && folioTryGet(k, folio);
  // MADV_FREE looks at the flag without the lock.
  if (isolated) yield at("folio_test_clear_lru");
  if (isolated) lruvecIsolateFolio(k, folio);
  spinUnlock(k, k.lruvec.lock.at());
  if (!isolated) return false;
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) {
    yield* folioPutbackLru(k, folio);
    return false;
  }
  const freed: boolean = yield* freeLazyfreeFolio(k, folio);
  if (!freed) yield* folioPutbackLru(k, folio);
  return freed;
}

/**
 * Unmaps and frees an isolated lazyfree folio, unless somebody uses it.
 * @kernel mm/vmscan.c shrink_folio_list(), from try_to_unmap() on
 * @holds folio lock, which it drops, the isolation and its reference
 * @returns whether it was freed
 */
function* freeLazyfreeFolio(k: Kernel, folio: Pfn): Routine<boolean> {
  yield* tryToUnmap(k, folio, false);
  const unmapped: boolean = yield* mayBeFreed(k, folio);
  // A frozen folio is out of the reach of all others. The rest, until it is free, concerns this thread alone.
  if (unmapped) yield at("folio_ref_freeze");
  if (!unmapped || !folioRefFreeze(k, folio, 1)) {
    yield at("folio_unlock");
    folioUnlock(k, folio);
    return false;
  }
  emit(k, EV.FOLIO_RELEASE, folio);
  k.vmstat.pglazyfreed.add(folioNrPages(k, folio));
  k.lruvec.isolated.add(-folioNrPages(k, folio));
  // In the kernel a step later. The machines tell a folio that is frozen to be freed from that of a split by its lock.
  folioUnlock(k, folio);
  yield* putReleasedFolio(k, folio);
  return true;
}

// ---- by pressure, with the grain `lru` -------------------------------------------------------------------------

/**
 * Reclaims folios from the tail of the inactive file list, as memory pressure makes kswapd do: lazyfree ones, here.
 * @param nr how many of the list are looked at (nr_to_scan)
 * @kernel mm/vmscan.c shrink_inactive_list(), isolate_lru_folios()
 * @holds nothing
 * @returns how many folios were freed
 */
export function* shrinkInactiveFile(k: Kernel, nr: Pfn): Routine<Folios> {
  const list: FolioList = record({ first: NONE, last: NONE });
  yield* spinLock(k, k.lruvec.lock.at());
  for (let scanned: Pfn = 0; scanned < nr; scanned++) {
    const folio: Pfn = lruListTail(k, LRU_INACTIVE_FILE);
    if (folio === NONE) break;
    if (folioTryGet(k, folio)) {
      lruvecIsolateFolio(k, folio);
      yield* folioListAdd(k, list, folio);
    } else {
      // It is being freed.
      lruListRotate(k, folio);
    }
  }
  spinUnlock(k, k.lruvec.lock.at());
  return yield* reclaimPages(k, list);
}

/**
 * Memory pressure: reclaim comes to the folio of this frame, if there is one on the LRU, whatever it is.
 * @kernel mm/vmscan.c shrink_inactive_list(), isolate_lru_folios() of one folio
 * @holds nothing
 * @returns how many folios were freed: parts of it, where it is split
 */
export function* shrinkFrame(k: Kernel, folio: Pfn): Routine<Folios> {
  const list: FolioList = record({ first: NONE, last: NONE });
  yield* spinLock(k, k.lruvec.lock.at());
  const isolates: boolean = k.page.lru.get(folio) && folioTryGet(k, folio);
  if (isolates) lruvecIsolateFolio(k, folio);
  spinUnlock(k, k.lruvec.lock.at());
  if (!isolates) return 0;
  yield* folioListAdd(k, list, folio);
  return yield* reclaimPages(k, list);
}

// ---- by advice -------------------------------------------------------------------------------------------------

/**
 * Reclaims the folios of the list, whether they were used lately or not, and gives those back to the LRU that stay.
 * NR_ISOLATED_ANON counts them here, as it does all that is isolated. The kernel does not where a system call asks.
 * @kernel mm/vmscan.c reclaim_pages(), reclaim_folio_list()
 * @holds the isolation of the folios, each with a reference; a system call holds mmap_lock for reading as well
 * @returns how many folios were freed
 */
export function* reclaimPages(k: Kernel, list: FolioList): Routine<Folios> {
  let folio: Pfn = list.first;
  while (folio !== NONE) {
    yield at("folio_clear_active");
    k.page.active.set(folio, false);
    yield at("lru_to_folio");
    folio = hasSwap(k) ? k.isolated.next.get(folio) : k.page.next.once(folio);
  }
  let reclaimed: Folios = 0;
  // The kernel's ret_folios.
  const kept: FolioList = record({ first: NONE, last: NONE });
  while (list.first !== NONE) {
    folio = yield* folioListDel(k, list);
    const freed: boolean = yield* shrinkFolio(k, folio, list);
    if (freed) reclaimed++;
    else yield* folioListAdd(k, kept, folio);
  }
  yield* tryToUnmapFlush(k);
  while (kept.first !== NONE) {
    folio = yield* folioListDel(k, kept);
    yield* folioPutbackLru(k, folio);
  }
  return reclaimed;
}

/**
 * One folio of the list. The parts of a folio that is split here come next.
 * @kernel mm/vmscan.c shrink_folio_list(), the body of the loop
 * @holds the isolation of the folio and its reference
 * @returns false: it is to be put back
 */
function* shrinkFolio(k: Kernel, folio: Pfn, list: FolioList): Routine<boolean> {
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return false;
  yield at("folio_test_swapbacked");
  if (!k.page.swapbacked.once(folio)) return yield* freeLazyfreeFolio(k, folio);
  if (hasSwap(k)) return yield* swapOutFolio(k, folio, list);
  const activates: boolean = yield* splitForSwap(k, folio, list);
  if (activates) {
    yield at("folio_set_active");
    k.page.active.set(folio, true);
  }
  yield at("folio_unlock");
  folioUnlock(k, folio);
  return false;
}

/** What becomes of a folio. @kernel mm/vmscan.c shrink_folio_list(), the labels keep, keep_locked and activate_locked, and without one */
const KEEP = 0;
const KEEP_LOCKED = 1;
const ACTIVATE_LOCKED = 2;
const GO_ON = 3;
type Fate = Int<0, 3>;

/**
 * A swap-backed folio, where there is swap.
 * @kernel mm/vmscan.c shrink_folio_list(), the body of the loop from folio_test_writeback() on
 * @holds folio lock, which it drops, the isolation and its reference
 * @returns whether it was freed
 */
function* swapOutFolio(k: Kernel, folio: Pfn, list: FolioList): Routine<boolean> {
  let fate: Fate = GO_ON;
  yield at("folio_test_writeback");
  if (k.page.writeback.get(folio) !== 0) fate = ACTIVATE_LOCKED;
  if (fate === GO_ON && !folioTestSwapcache(k, folio)) fate = yield* addToSwap(k, folio, list);
  if (fate === GO_ON) fate = yield* unmapForSwap(k, folio);
  if (fate === GO_ON) {
    yield at("folio_test_dirty");
    if (k.page.dirty.get(folio)) {
      yield* tryToUnmapFlushDirty(k);
      const written: Pageout = yield* pageout(k, folio);
      if (written !== PAGE_CLEAN) fate = written === PAGE_KEEP ? KEEP_LOCKED : KEEP;
    }
  }
  if (fate === GO_ON) {
    const freed: boolean = yield* removeMapping(k, folio);
    if (freed) return true;
    fate = KEEP_LOCKED;
  }
  if (fate === ACTIVATE_LOCKED) yield* activateLocked(k, folio);
  if (fate !== KEEP) {
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  return false;
}

/** @kernel mm/vmscan.c shrink_folio_list(), activate_locked @holds folio lock, the isolation and its reference */
function* activateLocked(k: Kernel, folio: Pfn): Routine {
  if (folioTestSwapcache(k, folio)) {
    yield at("vm_swap_full");
    if (memCgroupSwapFull(k)) yield* folioFreeSwap(k, folio);
  }
  yield at("folio_set_active");
  k.page.active.set(folio, true);
}

/**
 * Slots for the folio. A large one is split at once if a part of it is unmapped, and if there is no run of slots for all of it.
 * @kernel mm/vmscan.c shrink_folio_list(), from folio_test_swapcache() to folio_mark_dirty()
 * @holds folio lock, the isolation and its reference
 */
function* addToSwap(k: Kernel, folio: Pfn, list: FolioList): Routine<Fate> {
  yield at("folio_test_anon");
  // What a fault has read and not mapped is nobody's: without the swap cache its content is not needed.
  if (!k.page.anon.get(folio)) return KEEP_LOCKED;
  yield at("folio_maybe_dma_pinned");
  if (folioMaybeDmaPinned(k, folio)) return KEEP_LOCKED;
  if (folioTestLarge(k, folio)) {
    yield at("folio_expected_ref_count");
    const expected: Refs = folioExpectedRefCount(k, folio);
    yield at("folio_ref_count");
    if (k.page.refcount.get(folio) - 1 !== expected) return ACTIVATE_LOCKED;
    const partly: boolean = yield* isQueuedInPart(k, folio);
    if (partly) {
      const split: boolean = yield* splitOntoList(k, folio, list);
      if (!split) return ACTIVATE_LOCKED;
    }
  }
  let error: Errno = yield* folioAllocSwap(k, folio);
  if (error !== 0 && folioTestLarge(k, folio)) {
    const pmdSize: boolean = folioTestPmdMappable(k, folio);
    const nr: PteIndex = folioNrPages(k, folio);
    const split: boolean = yield* splitOntoList(k, folio, list);
    if (!split) return ACTIVATE_LOCKED;
    if (pmdSize) k.vmstat.thpSwpoutFallback.add(1);
    k.mthpStat.swpoutFallback.add(highestOrder(nr), 1);
    error = yield* folioAllocSwap(k, folio);
  }
  if (error !== 0) return ACTIVATE_LOCKED;
  yield at("folio_mark_dirty");
  k.page.dirty.set(folio, true);
  return GO_ON;
}

/** Its other pages are seen to later in the same pass. @kernel mm/huge_memory.c split_folio_to_list() @holds as addToSwap() */
function* splitOntoList(k: Kernel, folio: Pfn, list: FolioList): Routine<boolean> {
  const nr: PteIndex = folioNrPages(k, folio);
  const error: Errno = yield* splitFolioToList(k, folio);
  if (error !== 0) return false;
  for (let i: PteIndex = 1; i < nr; i++) yield* folioListAddNext(k, list, folio + i);
  return true;
}

/**
 * Every mapping becomes a swap entry. Nobody can pin the folio any more then; who did before keeps it.
 * @kernel mm/vmscan.c shrink_folio_list(), from folio_mapped() to folio_maybe_dma_pinned()
 * @holds folio lock, the isolation and its reference; the folio is in the swap cache
 */
function* unmapForSwap(k: Kernel, folio: Pfn): Routine<Fate> {
  yield at("folio_mapped");
  if (folioMapcount(k, folio) > 0) yield* tryToUnmap(k, folio, true);
  yield at("folio_mapped");
  if (folioMapcount(k, folio) > 0) return ACTIVATE_LOCKED;
  yield at("folio_maybe_dma_pinned");
  return folioMaybeDmaPinned(k, folio) ? ACTIVATE_LOCKED : GO_ON;
}

/**
 * The folio, which has content, is to go to swap, and there is none. A large one is split, at once if a part of it is
 * unmapped, or since folio_alloc_swap() finds no room for all of it.
 * @kernel mm/vmscan.c shrink_folio_list(), from folio_test_swapbacked() to folio_mark_dirty()
 * @holds folio lock, the isolation and its reference
 * @returns whether it becomes active (activate_locked and activate_locked_split; else keep_locked)
 */
function* splitForSwap(k: Kernel, folio: Pfn, list: FolioList): Routine<boolean> {
  yield at("folio_maybe_dma_pinned");
  if (folioMaybeDmaPinned(k, folio)) return false;
  // The folio lock keeps it whole.
  if (!folioTestLarge(k, folio)) return true;
  yield at("folio_expected_ref_count");
  const expected: Refs = folioExpectedRefCount(k, folio);
  yield at("folio_ref_count");
  if (k.page.refcount.get(folio) - 1 !== expected) return true;
  const nr: PteIndex = folioNrPages(k, folio);
  const pmdSize: boolean = folioTestPmdMappable(k, folio);
  const partly: boolean = yield* isQueuedInPart(k, folio);
  const error: Errno = yield* splitFolioToList(k, folio);
  if (error !== 0) return true;
  // Of so many pages, a power of two: the order.
  if (!partly) k.mthpStat.swpoutFallback.add(highestOrder(nr), 1);
  for (let i: PteIndex = 1; i < nr; i++) yield* folioListAddNext(k, list, folio + i);
  if (!partly && pmdSize) k.vmstat.thpSwpoutFallback.add(1);
  return true;
}
/**
 * The kernel looks at the two words without the lock. What it sees decides only whether the split counts as a fallback, and
 * either answer comes before or behind whoever changes them.
 * @kernel mm/vmscan.c shrink_folio_list()
 * @holds folio lock
 */
function* isQueuedInPart(k: Kernel, folio: Pfn): Routine<boolean> {
  yield* spinLock(k, k.deferredSplit.lock.at());
  const partly: boolean = isListed(k, folio) && k.page.partiallyMapped.get(folio);
  spinUnlock(k, k.deferredSplit.lock.at());
  return partly;
}

// ---- unmapping -------------------------------------------------------------------------------------------------

/**
 * Unmapped, and neither pinned nor written to by who had it pinned. Otherwise it becomes active (activate_locked), and
 * reclaim looks at others first.
 * @kernel mm/vmscan.c shrink_folio_list(), from try_to_unmap() to folio_ref_freeze()
 * @holds folio lock, the reference of the isolation
 */
function* mayBeFreed(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_mapped");
  let keep: boolean = folioMapcount(k, folio) > 0;
  if (!keep) {
    yield at("folio_maybe_dma_pinned");
    keep = folioMaybeDmaPinned(k, folio);
  }
  if (!keep) {
    yield at("folio_test_dirty");
    keep = k.page.dirty.get(folio);
  }
  if (!keep) return true;
  yield at("folio_set_active");
  k.page.active.set(folio, true);
  return false;
}

/**
 * `toSwap`: the folio is swap-backed, and has slots; else it is lazyfree.
 * @kernel mm/rmap.c try_to_unmap(), rmap_walk_anon(), folio_lock_anon_vma_read()
 * @holds folio lock, a reference
 */
function* tryToUnmap(k: Kernel, folio: Pfn, toSwap: boolean): Routine {
  const anonVma: AnonVma = yield* folioGetAnonVma(k, folio);
  if (anonVma === NONE) return;
  yield* anonVmaLockRead(k, anonVma);
  let avc: Avc = k.anonVma.tree.get(anonVma);
  while (avc !== NONE) {
    const vma: Vma = k.avc.vma.get(avc);
    const start = vmaAddress(k, folio, vma);
    let goOn: boolean = true;
    if (start !== NONE) goOn = yield* tryToUnmapOne(k, folio, vma, start, toSwap);
    avc = goOn ? k.avc.nextInTree.get(avc) : NONE;
    if (avc === NONE) break;
    yield at("folio_not_mapped");
    if (folioMapcount(k, folio) === 0) break;
  }
  anonVmaUnlockRead(k, anonVma);
  yield at("put_anon_vma");
  yield* putAnonVma(k, anonVma);
}

/** @kernel mm/rmap.c try_to_unmap_one() @returns false: it stays mapped here */
function* tryToUnmapOne(k: Kernel, folio: Pfn, vma: Vma, start: Vpn, toSwap: boolean): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  const pvmw: PageVmaMappedWalk = record({ folio, vma, address: start, table: NONE, migration: false });
  for (;;) {
    const entry: Entry = yield* pageVmaMappedWalk(k, pvmw);
    if (entry === ENTRY_NONE) return true;
    const huge: boolean = pvmw.table === NONE;
    let unmapped: boolean = (k.vma.flags.once(vma) & VM_LOCKED) === 0;
    if (unmapped && huge) {
      if (k.param.lazyfreePmdDiscard.get() !== 0 && !toSwap) {
        unmapped = yield* discardAnonFolioPmd(k, folio, vma, hpageAddress(k, pvmw.address), entry);
        if (unmapped || k.param.lazyfreeFailedDiscardSplits.get() === 0) {
          spinUnlock(k, pmdLockptr(k, mm));
          return unmapped;
        }
      }
      yield* splitHugePmdLocked(k, vma, hpageAddress(k, pvmw.address), false, entry);
      spinUnlock(k, pmdLockptr(k, mm));
      // PTEs map it now, and the walk begins again.
      pvmw.address = start;
      continue;
    }
    if (unmapped) {
      if (toSwap) unmapped = yield* unmapAnonPte(k, pvmw);
      else unmapped = yield* unmapLazyfreePtes(k, pvmw, entry);
    }
    if (!unmapped) {
      spinUnlock(k, huge ? pmdLockptr(k, mm) : ptlOf(k, pvmw.table));
      return false;
    }
  }
}

/**
 * Unmaps the pages of the folio that the PTEs at `pvmw.address` map, as many as go together, and moves the walk behind
 * them. They are put back if the folio has been written to, or if anybody but the isolation and the mappings refers to
 * it. Lockless pinners take a reference first and then read the entry again. Here the entries are cleared first, and
 * then the references are compared.
 *
 * No entry is none here but under its lock, and who looks for entries to discard, to protect or to move takes that lock.
 * @kernel mm/rmap.c try_to_unmap_one(), ttu_anon_lazyfree_folio()
 * @holds the table's lock, folio lock, anon_vma lock
 * @returns false: they are mapped as before
 */
function* unmapLazyfreePtes(k: Kernel, pvmw: PageVmaMappedWalk, first: Entry): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(pvmw.vma);
  vmBugOn(k.page.swapbacked.get(pvmw.folio), "vmscan: somebody makes a folio swapbacked while reclaim has it locked");
  let old: Entry = first & ~(DIRTY | YOUNG);
  let nr: Vpn = 1;
  if (k.param.lazyfreeUnmapsByBatch.get() !== 0) nr = yield* folioUnmapPteBatch(k, pvmw, first);
  for (let i: Vpn = 0; i < nr; i++) {
    yield at("get_and_clear_ptes");
    old = old | (k.ptTable.pte.xchg(pvmw.table, pteIndex(k, pvmw.address + i), ENTRY_NONE) & (DIRTY | YOUNG));
  }
  yield* flushTlbRange(k, mm, pvmw.address, pvmw.address + nr);
  if (entryHas(old, DIRTY)) {
    yield at("folio_mark_dirty");
    k.page.dirty.set(pvmw.folio, true);
  }
  const idle: boolean = yield* nobodyElseUses(k, pvmw.folio);
  if (!idle) {
    for (let i: Vpn = 0; i < nr; i++) {
      yield at("set_ptes");
      setPteAt(k, pvmw.table, pteIndex(k, pvmw.address + i), old + mkEntry(i, 0));
    }
    return false;
  }
  k.mm.anonPages.add(mm, -nr);
  yield at("folio_remove_rmap_ptes");
  userMemoryReclaimed(k, mm, pvmw.address, nr);
  yield* folioRemoveRmapPtes(k, pvmw.folio, entryTarget(old), nr, pvmw.vma);
  yield at("folio_put_refs");
  folioRefSub(k, pvmw.folio, nr);
  pvmw.address = pvmw.address + nr;
  return true;
}

/** Within the VMA and the table. @kernel mm/rmap.c folio_unmap_pte_batch() @holds the table's lock */
function* folioUnmapPteBatch(k: Kernel, pvmw: PageVmaMappedWalk, first: Entry): Routine<Vpn> {
  const i = pteIndex(k, pvmw.address);
  const most = Math.min(k.vma.end.get(pvmw.vma) - pvmw.address, k.param.hpagePmdNr.get() - i);
  return yield* folioPteBatchRespectWrite(k, pvmw.table, i, most, first);
}

/**
 * Whether the folio, some of whose entries are clear, is clean, and referred to by its mappings and the isolation alone.
 * References are read before the dirty bit: who drops a reference after writing has made the folio dirty before. A dirty
 * folio is no longer lazyfree, and with `lazyfreeInUseIsSwapbacked` nor is one that somebody uses.
 * @kernel mm/rmap.c ttu_anon_lazyfree_folio()
 * @holds folio lock, a page-table lock under which it is mapped
 */
function* nobodyElseUses(k: Kernel, folio: Pfn): Routine<boolean> {
  yield at("folio_ref_count");
  const refs: Refs = k.page.refcount.get(folio);
  yield at("folio_mapcount");
  const expected: boolean = refs === folioMapcount(k, folio) + 1;
  yield at("folio_test_dirty");
  const clean: boolean = !k.page.dirty.get(folio);
  if (clean && (expected || k.param.lazyfreeInUseIsSwapbacked.get() === 0)) return expected;
  yield at("folio_set_swapbacked");
  k.page.swapbacked.setOnce(folio, true);
  return false;
}

/**
 * As nobodyElseUses(); where the PMD is split next, nothing is said of the folio: its PTEs will.
 * @kernel mm/huge_memory.c __discard_anon_folio_pmd_locked()
 * @holds folio lock, the PMD lock
 */
function* mayBeDiscarded(k: Kernel, folio: Pfn): Routine<boolean> {
  if (k.param.lazyfreeFailedDiscardSplits.get() === 0) return yield* nobodyElseUses(k, folio);
  yield at("folio_ref_count");
  const refs: Refs = k.page.refcount.get(folio);
  yield at("folio_mapcount");
  const expected: boolean = refs === folioMapcount(k, folio) + 1;
  yield at("folio_test_dirty");
  return expected && !k.page.dirty.get(folio);
}

/**
 * Unmaps the huge PMD of a clean lazyfree folio that nobody else refers to, as Linux did from 6.11 to 7.3.2: clears the
 * entry, looks, and puts it back. In between the PMD is none although memory is mapped there, and who looks without its
 * lock believes that. MADV_DONTNEED, mprotect() and mremap() go on to the next range, though they hold what is to keep
 * entries as they are: the anon_vma lock, for reading, is none of theirs.
 * @kernel mm/huge_memory.c __discard_anon_folio_pmd_locked(), unmap_huge_pmd_locked()
 * @holds the PMD lock, folio lock, anon_vma lock
 * @returns false: it is mapped as before
 */
function* discardAnonFolioPmd(k: Kernel, folio: Pfn, vma: Vma, haddr: Vpn, seen: Entry): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  if (entryHas(seen, DIRTY)) {
    yield at("folio_set_dirty");
    k.page.dirty.set(folio, true);
  }
  yield at("folio_test_dirty");
  if (k.page.dirty.get(folio)) {
    if (k.param.lazyfreeFailedDiscardSplits.get() !== 0) return false;
    yield at("folio_set_swapbacked");
    k.page.swapbacked.setOnce(folio, true);
    return false;
  }
  const old: Entry = yield* pmdpHugeClearFlush(k, mm, haddr);
  if (entryHas(old, DIRTY)) {
    yield at("folio_set_dirty");
    k.page.dirty.set(folio, true);
  }
  const idle: boolean = yield* mayBeDiscarded(k, folio);
  if (!idle) {
    yield at("set_pmd_at");
    setPmdAt(k, mm, haddr, old);
    emit(k, EV.PMD_SET_HUGE, mm, pmdIndex(k, haddr), entryTarget(old));
    return false;
  }
  yield at("folio_remove_rmap_pmd");
  userMemoryReclaimed(k, mm, haddr, k.param.hpagePmdNr.get());
  yield* folioRemoveRmapPmd(k, folio, vma);
  yield at("zap_deposited_table");
  const table: Table = pgtableTransHugeWithdraw(k, mm, haddr);
  pteFreeDefer(k, table);
  k.mm.nrPtes.add(mm, -1);
  k.mm.anonPages.add(mm, -k.param.hpagePmdNr.get());
  yield* folioPut(k, folio);
  return true;
}
