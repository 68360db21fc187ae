/**
 * mm/gup.c: references to the pages of a process, for the kernel and for devices. One page at a time.
 *
 * The steps of GUP-fast, as labels: G1 read write_protect_seq; G2 interrupts off; G3 read the PMD; G4 read the PTE; G5 find
 * the folio and take a reference; G6 find the folio again; G7 pin; G8 read PMD and PTE again; G9 exclusive?; G10
 * interrupts on; G11 read write_protect_seq again. G5 is two steps and so is G8, because they are two reads each.
 *
 * A pin of the zero page counts nothing, and the zero page has no frame here: the result is NONE. Not covered: moving
 * pages out of the movable zone for FOLL_LONGTERM (there is one zone), file-backed pages, FOLL_SPLIT_PMD.
 */
import { at, NONE, record, spinLock, spinUnlock, type Routine, type U } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import { tableIsFree } from "./dead-object.ts";
import { mmapReadLock, mmapReadUnlock } from "./locking/mmap-lock.ts";
import { rawReadSeqcount, readSeqcountRetry, type WriteProtectSeq } from "./locking/write-protect-seq.ts";
import { handleMmFault, mmAccountFault } from "./memory.ts";
import type { Kernel } from "./mm-types.ts";
import { MMF_HAS_PINNED_BIT } from "./structs/mm.ts";
import type { Content, Entry, Mm, Pfn, PteIndex, Table, Vma, Vpn } from "./structs/types.ts";
import { VM_READ, VM_SHARED, VM_WRITE } from "./structs/vma.ts";
import { pageFolio, pageFolioLockless } from "./page-flags.ts";
import { folioGet, folioTryGet } from "./page-ref.ts";
import {
  DIRTY, entryHas, entryTarget, entryZeroPage, hpageAddress, isZeroPte, LEAF, pmdNone, pmdPresent, pmdTable, pmdTransHuge, PRESENT,
  pteIndex, ptepGetLockless, pteNone, ptePresent, WRITE, YOUNG,
} from "./pgtable.ts";
import { pmdLockptr, pmdpGet, pmdpGetLockless, pteOffsetMapLock, ptlOf, setPmdAt } from "./pgtable-generic.ts";
import { judgeFastReference, judgeReference, pinReleased, pinTaken } from "./pins.ts";
import { localIrqRestore, localIrqSave, rcuReadLock, rcuReadUnlock } from "./rcu.ts";
import { pinsGet, pinsPut } from "./refcount/scheme.ts";
import { folioLock, folioMarkAccessed, folioPut, folioPutFound, folioUnlock } from "./swap.ts";
import { userMemoryLoaded, userMemoryStored } from "./user-memory.ts";
import { vmaLookup } from "./vma-tree.ts";
import { FAULT_FLAG_UNSHARE, FAULT_FLAG_WRITE, VM_FAULT_ERROR, type FaultFlags, type VmFaultReason } from "./vm-fault.ts";

export const FOLL_WRITE = 1 << 0;
/** The page's content will be accessed, for longer than a moment; without it, only the page itself is held. */
export const FOLL_PIN = 1 << 1;
/** Write although the VMA does not permit it: ptrace, /proc/pid/mem. */
export const FOLL_FORCE = 1 << 2;
/**
 * With FOLL_PIN: perhaps for as long as the process lives. So even a zero page is replaced, because the first write
 * of the process would go to another page.
 */
export const FOLL_LONGTERM = 1 << 3;
/** For a core dump: what was never touched is not made, it is known to be zero. */
export const FOLL_DUMP = 1 << 4;
export type FollFlags = U<5>;

/**
 * The page at `vpn` with a reference or pin, first without any lock, then with mmap_lock.
 *
 * @kernel mm/gup.c gup_fast_fallback()
 * @holds nothing
 * @returns the page, NONE on failure
 */
export function* gupFastFallback(k: Kernel, mm: Mm, vpn: Vpn, flags: FollFlags): Routine<Pfn> {
  const page: Pfn = yield* gupFast(k, mm, vpn, flags);
  if (page !== NONE) return page;
  return yield* gupSlow(k, mm, vpn, flags);
}

/** From now on fork looks for pins before it shares a page. @kernel mm/gup.c mm_set_has_pinned_flag() */
function* mmSetHasPinnedFlag(k: Kernel, mm: Mm): Routine {
  yield at("mm_set_has_pinned_flag");
  k.mm.flags.insert(mm, MMF_HAS_PINNED_BIT);
}

// ---- fast ------------------------------------------------------------------------------------------------------

/**
 * Takes no locks. It first takes a reference to the page that it finds, and then compares with what the page table
 * says now. Interrupts are off, so no table is freed and no TLB flush completes meanwhile. A pin that meets a fork
 * undoes itself.
 *
 * @kernel mm/gup.c gup_fast()
 * @holds nothing
 * @returns the page, NONE: ask gupSlow()
 */
export function* gupFast(k: Kernel, mm: Mm, vpn: Vpn, flags: FollFlags): Routine<Pfn> {
  let seq: WriteProtectSeq = 0;
  if ((flags & FOLL_PIN) !== 0) {
    yield* mmSetHasPinnedFlag(k, mm);
    yield at("G1: raw_read_seqcount(write_protect_seq)");
    seq = rawReadSeqcount(k, mm);
    if (seq % 2 !== 0) return NONE;
  }
  yield at("G2: local_irq_save");
  localIrqSave(k);
  const page: Pfn = yield* gupFastPmd(k, mm, vpn, flags);
  yield at("G10: local_irq_restore");
  localIrqRestore(k);
  if (page === NONE || (flags & FOLL_PIN) === 0) return page;
  yield at("G11: read_seqcount_retry(write_protect_seq)");
  if (!readSeqcountRetry(k, mm, seq)) {
    pinTaken(k, page);
    return page;
  }
  yield* gupPutFolio(k, pageFolio(k, page), flags);
  return NONE;
}

/** @kernel mm/gup.c gup_fast_pmd_range(), gup_fast_pmd_leaf() */
function* gupFastPmd(k: Kernel, mm: Mm, vpn: Vpn, flags: FollFlags): Routine<Pfn> {
  yield at("G3: pmdp_get_lockless");
  const pmd: Entry = pmdpGetLockless(k, mm, vpn);
  if (pmdTable(pmd)) return yield* gupFastPte(k, mm, vpn, flags, pmd);
  // An invalidated PMD is LEAF, too, but not PRESENT: a split is under way.
  if (!entryHas(pmd, LEAF) || !accessPermitted(pmd, flags)) return NONE;
  const page: Pfn = entryTarget(pmd) + pteIndex(k, vpn);
  const folio: Pfn = yield* tryGrabFolioFast(k, page, flags);
  if (folio === NONE) return NONE;
  yield at("G8: pmd again");
  let keep: boolean = pmdpGetLockless(k, mm, vpn) === pmd;
  if (keep) judgeFastReference(k, mm, vpn, (flags & FOLL_WRITE) !== 0);
  if (keep && mayHaveToUnshare(pmd, flags)) {
    yield at("G9: PageAnonExclusive");
    // A PMD mapping has its flag on the head.
    keep = k.page.anonExclusive.get(folio);
  }
  if (!keep) {
    yield* gupPutFolio(k, folio, flags);
    return NONE;
  }
  yield at("folio_set_referenced");
  k.page.referenced.set(folio, true);
  return page;
}

/** @kernel mm/gup.c gup_fast_pte_range() */
function* gupFastPte(k: Kernel, mm: Mm, vpn: Vpn, flags: FollFlags, pmd: Entry): Routine<Pfn> {
  yield at("G4: ptep_get_lockless");
  const pte: Entry = walkersPte(k, mm, entryTarget(pmd), pteIndex(k, vpn));
  if (!accessPermitted(pte, flags)) return NONE;
  const folio: Pfn = yield* tryGrabFolioFast(k, entryTarget(pte), flags);
  if (folio === NONE) return NONE;
  yield at("G8: pmd again");
  let keep: boolean = pmdpGetLockless(k, mm, vpn) === pmd;
  if (keep) {
    yield at("G8: pte again");
    keep = walkersPte(k, mm, entryTarget(pmd), pteIndex(k, vpn)) === pte;
    if (keep) judgeFastReference(k, mm, vpn, (flags & FOLL_WRITE) !== 0);
  }
  if (keep && mayHaveToUnshare(pte, flags)) {
    yield at("G9: PageAnonExclusive");
    keep = k.page.anonExclusive.get(entryTarget(pte));
  }
  if (!keep) {
    yield* gupPutFolio(k, folio, flags);
    return NONE;
  }
  yield at("folio_set_referenced");
  k.page.referenced.set(folio, true);
  return entryTarget(pte);
}

/**
 * Whether the hardware would permit the access and there is a page to hold.
 * @kernel arch/x86/include/asm/pgtable.h pte_access_permitted()
 */
function accessPermitted(e: Entry, flags: FollFlags): boolean {
  return entryHas(e, PRESENT) && !entryZeroPage(e) && ((flags & FOLL_WRITE) === 0 || entryHas(e, WRITE));
}

/**
 * Whether a pin for reading is of a page that may be shared. A later write by this process would go to a copy.
 * @kernel mm/gup.c gup_must_unshare()
 */
function mayHaveToUnshare(e: Entry, flags: FollFlags): boolean {
  return !entryHas(e, WRITE) && (flags & (FOLL_PIN | FOLL_WRITE)) === FOLL_PIN;
}

/** An entry of a table that nothing but RCU or disabled interrupts keeps from being freed. */
function walkersPte(k: Kernel, mm: Mm, table: Table, i: PteIndex): Entry {
  const freed = tableIsFree(k, table) || k.ptTable.mm.get(table) !== mm;
  vmBugOn(freed, "use after free: a lockless walker is in a page table that has been freed");
  return ptepGetLockless(k, table, i);
}

/**
 * A reference, or pin, to the folio of a page that may be freed, or split, at any moment.
 *
 * @kernel mm/gup.c try_grab_folio_fast(), try_get_folio()
 * @holds interrupts off
 * @returns the folio; NONE: it is free or frozen
 */
function* tryGrabFolioFast(k: Kernel, page: Pfn, flags: FollFlags): Routine<Pfn> {
  let folio: Pfn = NONE;
  for (;;) {
    yield at("G5: page_folio");
    folio = pageFolioLockless(k, page);
    yield at("G5: folio_ref_try_add");
    if (!folioTryGet(k, folio)) return NONE;
    yield at("G6: page_folio again");
    if (pageFolioLockless(k, page) === folio) break;
    // The page left the folio before the reference was taken. The reference belongs to another folio.
    yield* folioPutFound(k, folio);
  }
  if ((flags & FOLL_PIN) !== 0) {
    yield at("G7: atomic_add(_pincount)");
    pinsGet(k, folio);
  }
  return folio;
}

/** Gives back what was taken with `flags`. @kernel mm/gup.c gup_put_folio() */
function* gupPutFolio(k: Kernel, folio: Pfn, flags: FollFlags): Routine {
  if ((flags & FOLL_PIN) !== 0) {
    yield at("atomic_sub(_pincount)");
    pinsPut(k, folio);
  }
  yield* folioPut(k, folio);
}

/**
 * Ends a pin; of a reference without FOLL_PIN, folioPut() is the end.
 *
 * @kernel mm/gup.c unpin_user_page()
 * @holds a pin of the page
 */
export function* unpinFolio(k: Kernel, page: Pfn): Routine {
  yield at("atomic_sub(_pincount)");
  pinsPut(k, pageFolio(k, page));
  pinReleased(k, page);
  yield* folioPut(k, pageFolio(k, page));
}

/**
 * Ends a pin through which the page was written to, and makes the page dirty. MADV_FREE may have cleaned it since,
 * without knowing of the write.
 *
 * @kernel mm/gup.c unpin_user_pages_dirty_lock()
 * @holds a pin of the page
 */
export function* unpinFolioDirtyLock(k: Kernel, page: Pfn): Routine {
  const folio: Pfn = pageFolio(k, page);
  yield at("folio_test_dirty");
  const clean: boolean = !k.page.dirty.get(folio);
  if (clean) {
    yield* folioLock(k, folio);
    yield at("folio_mark_dirty");
    k.page.dirty.set(folio, true);
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  yield at("atomic_sub(_pincount)");
  pinsPut(k, folio);
  pinReleased(k, page);
  yield* folioPut(k, folio);
}

// ---- slow ------------------------------------------------------------------------------------------------------

/**
 * Under mmap_lock: looks the page up under the page-table lock and faults until it is there as wanted.
 *
 * @kernel mm/gup.c __get_user_pages_locked(), __get_user_pages()
 * @holds nothing
 * @returns the page; NONE: no such mapping, not permitted, no memory, or the zero page
 */
export function* gupSlow(k: Kernel, mm: Mm, vpn: Vpn, flags: FollFlags): Routine<Pfn> {
  if ((flags & FOLL_PIN) !== 0) yield* mmSetHasPinnedFlag(k, mm);
  yield* mmapReadLock(k, mm);
  const vma: Vma = vmaLookup(k, mm, vpn);
  let page: Pfn = NONE;
  if (vma !== NONE && checkVmaFlags(k, vma, flags)) page = yield* gupVma(k, vma, vpn, flags);
  yield* mmapReadUnlock(k, mm);
  return page;
}

/** @kernel mm/gup.c check_vma_flags() */
function checkVmaFlags(k: Kernel, vma: Vma, flags: FollFlags): boolean {
  const vmFlags = k.vma.flags.get(vma);
  if ((flags & FOLL_FORCE) !== 0) return (vmFlags & VM_SHARED) === 0;
  return (flags & FOLL_WRITE) !== 0 ? (vmFlags & VM_WRITE) !== 0 : (vmFlags & VM_READ) !== 0;
}

/** One look at the page table for the page at `vpn`, and its result. */
interface FollowPage {
  vma: Vma;
  vpn: Vpn;
  flags: FollFlags;
  /** A forced write has been through a fault that broke COW. @kernel include/linux/mm.h FOLL_COW, until 6.0 */
  cowed: boolean;
  /** The page, held; NONE: there is no frame to hold. */
  page: Pfn;
  /** The flags of the fault if the entry does not serve the access. */
  fault: FaultFlags;
}

/**
 * The page at `vpn` of the VMA, faulted in until the entry serves the access. All callers but a core dump touch the page
 * (FOLL_TOUCH). A caller that asks to write will write past the page table, so the page is dirty from here on. The accessed
 * bit of a PMD is set only together with the dirty bit, as in pmdp_set_access_flags() of x86.
 *
 * @kernel mm/gup.c __get_user_pages(), follow_page_mask(), faultin_page()
 * @holds mmap_lock for reading; a core dump before 5.10, nothing
 */
export function* gupVma(k: Kernel, vma: Vma, vpn: Vpn, flags: FollFlags): Routine<Pfn> {
  const mm: Mm = k.vma.mm.get(vma);
  const follow: FollowPage = record({ vma, vpn, flags, cowed: false, page: NONE, fault: 0 });
  for (;;) {
    follow.fault = (flags & FOLL_WRITE) !== 0 ? FAULT_FLAG_WRITE : 0;
    yield at("follow_page: pmdp_get_lockless");
    const pmd: Entry = pmdpGetLockless(k, mm, vpn);
    // What is kept of the entry during the look. The entry itself would tell states apart that have the same future.
    const none: boolean = pmdNone(pmd);
    let served: boolean = false;
    if (pmdTransHuge(pmd)) served = yield* followHugePmd(k, follow);
    else if (pmdTable(pmd)) served = yield* followPagePte(k, follow);
    else if (none && (flags & FOLL_DUMP) !== 0) return NONE;
    if (served) return follow.page;
    if (k.param.forcedWriteByDirty.get() !== 0) follow.cowed = (flags & FOLL_WRITE) !== 0 && !none;
    const result: VmFaultReason = yield* handleMmFault(k, vma, vpn, follow.fault);
    mmAccountFault(k, result);
    if ((result & VM_FAULT_ERROR) !== 0) return NONE;
  }
}

/** Looks at a huge PMD. @kernel mm/gup.c follow_huge_pmd() @holds as gupVma() @returns true: `follow.page` is the answer; false: fault */
function* followHugePmd(k: Kernel, follow: FollowPage): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(follow.vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  const entry: Entry = pmdpGet(k, mm, follow.vpn);
  const serves = pmdTransHuge(entry) && pmdPresent(entry) && serving(k, follow, entry, entryTarget(entry));
  if (!serves) {
    spinUnlock(k, pmdLockptr(k, mm));
    return false;
  }
  follow.page = hasFrame(k, entry) ? entryTarget(entry) + pteIndex(k, follow.vpn) : NONE;
  if (follow.page !== NONE) {
    yield* tryGrabFolio(k, follow);
    const writes = (follow.flags & (FOLL_WRITE | FOLL_DUMP)) === FOLL_WRITE;
    if (writes) {
      yield at("touch_pmd");
      setPmdAt(k, mm, hpageAddress(k, follow.vpn), entry | YOUNG | DIRTY);
    }
  }
  spinUnlock(k, pmdLockptr(k, mm));
  return true;
}

/** Looks at a PTE. @kernel mm/gup.c follow_page_pte() @holds as gupVma() @returns true: `follow.page` is the answer; false: fault */
function* followPagePte(k: Kernel, follow: FollowPage): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(follow.vma);
  const table: Table = yield* pteOffsetMapLock(k, mm, follow.vpn);
  if (table === NONE) return false;
  const entry: Entry = k.ptTable.pte.get(table, pteIndex(k, follow.vpn));
  if (pteNone(entry) && (follow.flags & FOLL_DUMP) !== 0) {
    spinUnlock(k, ptlOf(k, table));
    return true;
  }
  const serves = ptePresent(entry) && serving(k, follow, entry, entryTarget(entry));
  if (!serves) {
    spinUnlock(k, ptlOf(k, table));
    return false;
  }
  if (!isZeroPte(k, entry)) {
    follow.page = entryTarget(entry);
    yield* tryGrabFolio(k, follow);
    if ((follow.flags & FOLL_DUMP) === 0) yield* touchPte(k, entry, (follow.flags & FOLL_WRITE) !== 0);
  }
  spinUnlock(k, ptlOf(k, table));
  return true;
}

/**
 * Whether the entry serves the access. If the page only has to be unshared for that, sets the fault that does it.
 * @kernel mm/gup.c follow_page_pte(), follow_huge_pmd(): -EMLINK
 * @holds the page-table lock
 */
function serving(k: Kernel, follow: FollowPage, entry: Entry, exclusivePage: Pfn): boolean {
  if (!canFollow(k, follow.vma, entry, exclusivePage, follow.flags, follow.cowed)) return false;
  if (!mustUnshare(k, entry, exclusivePage, follow.flags)) return true;
  follow.fault = FAULT_FLAG_UNSHARE;
  return false;
}

/**
 * What a look at a page by its PTE leaves behind.
 * @kernel mm/gup.c follow_page_pte(): FOLL_TOUCH
 * @holds the page-table lock
 */
export function* touchPte(k: Kernel, pte: Entry, write: boolean): Routine {
  const folio: Pfn = pageFolio(k, entryTarget(pte));
  if (write && !entryHas(pte, DIRTY)) {
    yield at("set_page_dirty");
    k.page.dirty.set(folio, true);
  }
  yield* folioMarkAccessed(k, folio);
}

/**
 * Whether there is a frame to hold: the zero page has none. The huge zero page has one only in kernels whose forced
 * writes could reach it.
 */
function hasFrame(k: Kernel, pmd: Entry): boolean {
  return !entryZeroPage(pmd) || k.param.forcedWriteByDirty.get() !== 0;
}

/**
 * Whether the entry serves the access. An entry without write permission serves a forced write only when COW has been
 * broken. Else the write would go to a page that others read.
 *
 * @kernel mm/gup.c can_follow_write_pte(), can_follow_write_pmd(), can_follow_write_common()
 * @holds the page-table lock
 */
function canFollow(k: Kernel, vma: Vma, e: Entry, exclusivePage: Pfn, flags: FollFlags, cowed: boolean): boolean {
  if ((flags & FOLL_WRITE) === 0 || entryHas(e, WRITE)) return true;
  if (k.param.forcedWriteByDirty.get() !== 0) return (flags & FOLL_FORCE) !== 0 && cowed && entryHas(e, DIRTY);
  if ((flags & FOLL_FORCE) === 0 || entryZeroPage(e)) return false;
  // With permission to write, the ordinary fault makes the entry writable.
  if ((k.vma.flags.get(vma) & VM_WRITE) !== 0) return false;
  return k.page.anonExclusive.get(exclusivePage);
}

/** @kernel mm/internal.h gup_must_unshare() */
function mustUnshare(k: Kernel, e: Entry, exclusivePage: Pfn, flags: FollFlags): boolean {
  if (!mayHaveToUnshare(e, flags)) return false;
  return entryZeroPage(e) ? (flags & FOLL_LONGTERM) !== 0 : !k.page.anonExclusive.get(exclusivePage);
}

/**
 * Takes reference and pin. Fork and migration look for pins before they take the page away, and they hold the page-table
 * lock, as this caller does. A pin of a single page is part of its count in the kernel, so that the two are one; here it is
 * counted beside it, one after the other as for large folios.
 *
 * @kernel mm/gup.c try_grab_folio()
 * @holds the page-table lock, under which the page is mapped
 */
function* tryGrabFolio(k: Kernel, follow: FollowPage): Routine {
  const folio: Pfn = pageFolio(k, follow.page);
  yield at("try_grab_folio");
  folioGet(k, folio);
  judgeReference(
    k, k.vma.mm.get(follow.vma), follow.vpn, follow.page, (follow.flags & FOLL_WRITE) !== 0, (follow.flags & FOLL_FORCE) !== 0,
  );
  if ((follow.flags & FOLL_PIN) === 0) return;
  yield at("atomic_add(_pincount)");
  pinsGet(k, folio);
  pinTaken(k, follow.page);
}

// ---- actors that use pages ---------------------------------------------------------------------------------

/**
 * A device stores to a pinned page. The process that pinned it for writing at `vpn` must see the store in its memory.
 * The caller makes sure that the process has not unmapped or discarded the page since.
 * @model a device that writes by DMA
 */
export function* pinnedStore(k: Kernel, mm: Mm, vpn: Vpn, page: Pfn, content: Content): Routine {
  yield at("store through a pin");
  k.page.content.set(page, content);
  userMemoryStored(k, mm, vpn, content);
}

/**
 * A device loads from a pinned page: what the process stored last. Otherwise as above.
 * @model a device that reads by DMA
 */
export function* pinnedLoad(k: Kernel, mm: Mm, vpn: Vpn, page: Pfn): Routine<Content> {
  yield at("load through a pin");
  const content: Content = k.page.content.get(page);
  userMemoryLoaded(k, mm, vpn, content);
  return content;
}

/**
 * An actor for races: looks at a frame by number, as compaction and page_idle do, and holds it for a moment if it has
 * references. It knows nothing of what the frame is used for.
 *
 * @kernel mm/compaction.c isolate_migratepages_block(): folio_get_nontail_page()
 * @holds nothing
 */
export function* pfnScanner(k: Kernel, page: Pfn): Routine {
  yield at("get_page_unless_zero");
  if (!folioTryGet(k, page)) return;
  yield* folioPutFound(k, page);
}

/**
 * An actor for races: reads all page-table entries of an address space without locks. No table may be freed under it.
 *
 * @kernel mm/pagewalk.c walk_pgd_range() without ops->walk_lock, as ptdump does
 * @holds nothing; the address space is in use
 */
export function* dumpPageTables(k: Kernel, mm: Mm): Routine {
  for (let addr: Vpn = 0; addr < k.param.vpnMax.get(); addr += k.param.hpagePmdNr.get()) {
    yield at("dump: pmdp_get_lockless");
    rcuReadLock(k);
    const pmd: Entry = pmdpGetLockless(k, mm, addr);
    if (pmdTable(pmd)) {
      for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {
        yield at("dump: ptep_get_lockless");
        walkersPte(k, mm, entryTarget(pmd), i);
      }
    }
    rcuReadUnlock(k);
  }
}
