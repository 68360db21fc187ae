/**
 * Reclaim after MADV_FREE: a clean lazyfree huge page is unmapped and freed.
 *
 * mm/vmscan.c shrink_folio_list() with mm/rmap.c try_to_unmap(), for one folio that PMDs map. Not covered: small folios,
 * which go the same way PTE by PTE, and everything that needs swap, writeback or files.
 */
import { NONE, at, emit, record, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { anonVmaLockRead, anonVmaUnlockRead, folioGetAnonVma, putAnonVma } from "./anon-vma.ts";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import type { AnonVma, Avc, Entry, Mm, Pfn, Refs, Table, Vma, Vpn } from "./structs/types.ts";
import { folioNrPages } from "./page-flags.ts";
import { folioMapcount, folioRefFreeze, folioTryGet } from "./page-ref.ts";
import { pageVmaMappedWalk, vmaAddress, type PageVmaMappedWalk } from "./page-vma-mapped.ts";
import { DIRTY, entryHas, entryTarget, hpageAddress, pmdIndex } from "./pgtable.ts";
import { pgtableTransHugeWithdraw, pmdLockptr, pmdpGet, pmdpHugeClearFlush, pteFreeDefer, setPmdAt } from "./pgtable-generic.ts";
import { folioRemoveRmapPmd } from "./rmap.ts";
import { folioPut, folioPutbackLru, folioTrylock, folioUnlock, lruvecIsolateFolio, putReleasedFolio } from "./swap.ts";

/**
 * Tries to reclaim a lazyfree folio that is on the LRU.
 * @kernel mm/vmscan.c isolate_lru_folios(), shrink_folio_list()
 * @holds nothing
 * @returns whether it was freed; otherwise it is back on the LRU, swapbacked again if it has been written to
 */
export function* shrinkLazyfreeFolio(k: Kernel, folio: Pfn): Routine<boolean> {
  yield* spinLock(k, k.lruvec.lock.at());
  const isolated: boolean = k.page.lru.get(folio) && !k.page.swapbacked.get(folio) && folioTryGet(k, folio);
  if (isolated) lruvecIsolateFolio(k, folio);
  spinUnlock(k, k.lruvec.lock.at());
  if (!isolated) return false;
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) {
    yield* folioPutbackLru(k, folio);
    return false;
  }
  yield* tryToUnmap(k, folio);
  // A frozen folio is out of the reach of all others. The rest, until it is free, concerns this thread alone.
  yield at("folio_ref_freeze");
  if (folioMapcount(k, folio) > 0 || !folioRefFreeze(k, folio, 1)) {
    folioUnlock(k, folio);
    yield* folioPutbackLru(k, folio);
    return false;
  }
  emit(k, EV.FOLIO_RELEASE, folio);
  k.vmstat.pglazyfreed.add(folioNrPages(k, folio));
  k.lruvec.isolated.add(-folioNrPages(k, folio));
  folioUnlock(k, folio);
  yield* putReleasedFolio(k, folio);
  return true;
}

/** @kernel mm/rmap.c try_to_unmap(), folio_lock_anon_vma_read() @holds folio lock, a reference */
function* tryToUnmap(k: Kernel, folio: Pfn): Routine {
  const anonVma: AnonVma = yield* folioGetAnonVma(k, folio);
  if (anonVma === NONE) return;
  yield* anonVmaLockRead(k, anonVma);
  let avc: Avc = k.anonVma.tree.get(anonVma);
  while (avc !== NONE) {
    const vma: Vma = k.avc.vma.get(avc);
    const start = vmaAddress(k, folio, vma);
    let goOn: boolean = true;
    if (start !== NONE) goOn = yield* tryToUnmapOne(k, folio, vma, start);
    avc = goOn ? k.avc.nextInTree.get(avc) : NONE;
  }
  anonVmaUnlockRead(k, anonVma);
  yield at("put_anon_vma");
  yield* putAnonVma(k, anonVma);
}

/** @kernel mm/rmap.c try_to_unmap_one(), mm/huge_memory.c unmap_huge_pmd_locked() @returns false: it stays mapped here */
function* tryToUnmapOne(k: Kernel, folio: Pfn, vma: Vma, start: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  const pvmw: PageVmaMappedWalk = record({ folio, vma, address: start, table: NONE, migration: false });
  const hit: boolean = yield* pageVmaMappedWalk(k, pvmw);
  if (!hit) return true;
  vmBugOn(pvmw.table !== NONE, "vmscan: a lazyfree folio that PTEs map, of which this kernel does not reclaim any");
  const discarded: boolean = yield* discardAnonFolioPmd(k, folio, vma, hpageAddress(k, pvmw.address));
  spinUnlock(k, pmdLockptr(k, mm));
  return discarded;
}

/**
 * Unmaps a clean lazyfree folio that nobody else refers to. Lockless pinners take a reference first and then read the
 * entry again. Here the entry is cleared first, and then the references are compared.
 * @kernel mm/huge_memory.c __discard_anon_folio_pmd_locked()
 * @holds the PMD lock, folio lock, anon_vma lock
 */
function* discardAnonFolioPmd(k: Kernel, folio: Pfn, vma: Vma, haddr: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  if (entryHas(pmdpGet(k, mm, haddr), DIRTY)) k.page.dirty.set(folio, true);
  if (k.page.dirty.get(folio)) {
    k.page.swapbacked.setOnce(folio, true);
    return false;
  }
  const old: Entry = yield* pmdpHugeClearFlush(k, mm, haddr);
  yield at("folio_ref_count");
  const refs: Refs = k.page.refcount.get(folio);
  yield at("folio_mapcount");
  const unexpected: boolean = refs !== folioMapcount(k, folio) + 1;
  yield at("folio_test_dirty");
  if (entryHas(old, DIRTY)) k.page.dirty.set(folio, true);
  const dirty: boolean = k.page.dirty.get(folio);
  if (unexpected || dirty) {
    if (dirty) k.page.swapbacked.setOnce(folio, true);
    yield at("set_pmd_at");
    setPmdAt(k, mm, haddr, old);
    emit(k, EV.PMD_SET_HUGE, mm, pmdIndex(k, haddr), entryTarget(old));
    return false;
  }
  yield at("folio_remove_rmap_pmd");
  yield* folioRemoveRmapPmd(k, folio, vma);
  yield at("zap_deposited_table");
  const table: Table = pgtableTransHugeWithdraw(k, mm, haddr);
  pteFreeDefer(k, table);
  k.mm.nrPtes.add(mm, -1);
  k.mm.anonPages.add(mm, -k.param.hpagePmdNr.get());
  yield* folioPut(k, folio);
  return true;
}
