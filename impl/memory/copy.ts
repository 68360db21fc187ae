/** fork: the child gets the parent's pages, read-only in both. mm/memory.c copy_page_range(). */
import { at, choose, emit, NONE, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { EAGAIN, EHWPOISON, ENOMEM } from "../errno.ts";
import { copyHugePmd } from "../huge-memory/copy.ts";
import { rawWriteSeqcountBegin, rawWriteSeqcountEnd } from "../locking/write-protect-seq.ts";
import { PG_SWAPBACKED, PG_UPTODATE, pageFlagsNonatomic } from "../page-flag-word.ts";
import { readableMigrationEntry, softleafToFolio } from "../migration-entry.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Errno, Mm, Pfn, Table, Vma, Vpn } from "../structs/types.ts";
import { hasSwap, pageFolio } from "../page-flags.ts";
import { folioGet, folioRefSub } from "../page-ref.ts";
import {
  DIRTY, EXCLUSIVE, entryHas, entryTarget, isZeroPte, hpageAddress, maybeMkwrite, mkPte, pmdMigration, pmdNone, pmdTransHuge,
  pteIndex, pteNone, ptePresent, pteSwap, setPteAt, WRITE, YOUNG,
} from "../pgtable.ts";
import { pmdpGetLockless, pteAlloc, pteOffsetMapLock, ptlOf } from "../pgtable-generic.ts";
import { folioAddNewAnonRmap, folioTryDupAnonRmapPte } from "../rmap.ts";
import { folioAddLru, folioPutNew } from "../swap.ts";
import { swapDupEntryDirect } from "../swap/swapfile.ts";
import { folioPrealloc } from "./anon.ts";

/**
 * Copies the page-table entries of the parent's VMA to the child's. The parent's write permission goes, but not its TLB
 * entries: dup_mmap() flushes once, at the end. While it goes, write_protect_seq is odd: GUP-fast pins nothing then.
 *
 * @kernel mm/memory.c copy_page_range()
 * @holds mmap_lock of both address spaces and the VMA lock of the parent's VMA, for writing
 * @returns 0; -ENOMEM or -EHWPOISON with what was copied in place: the caller gives the child up
 */
export function* copyPageRange(k: Kernel, dstVma: Vma, srcVma: Vma): Routine<Errno> {
  // The VMA was never written, so it maps zero pages at most. The child can fault them in.
  if (k.vma.anonVma.get(srcVma) === NONE) return 0;
  const src: Mm = k.vma.mm.get(srcVma);
  let error: Errno = 0;
  let addr: Vpn = k.vma.start.get(srcVma);
  yield at("raw_write_seqcount_begin");
  rawWriteSeqcountBegin(k, src);
  while (addr < k.vma.end.get(srcVma) && error === 0) {
    const next: Vpn = Math.min(hpageAddress(k, addr) + k.param.hpagePmdNr.get(), k.vma.end.get(srcVma));
    yield at("copy: pmdp_get_lockless");
    const pmd: Entry = pmdpGetLockless(k, src, addr);
    let asPtes: boolean = !pmdNone(pmd);
    if (pmdTransHuge(pmd) || pmdMigration(pmd)) {
      error = yield* copyHugePmd(k, dstVma, srcVma, addr);
      asPtes = error === -EAGAIN;
    }
    if (asPtes) error = yield* copyPteRange(k, dstVma, srcVma, addr, next);
    addr = next;
  }
  yield at("raw_write_seqcount_end");
  rawWriteSeqcountEnd(k, src);
  return error;
}

/**
 * The PTEs start..end - 1, all in one table. A page that may be pinned must stay the parent's own, so the child gets a
 * copy at once; the page for it is allocated with the locks dropped, as a second try.
 *
 * @kernel mm/memory.c copy_pte_range()
 */
function* copyPteRange(k: Kernel, dstVma: Vma, srcVma: Vma, start: Vpn, end: Vpn): Routine<Errno> {
  let error: Errno = 0;
  let addr: Vpn = start;
  let prealloc: Pfn = NONE;
  while (addr < end && error === 0) {
    const allocated: boolean = yield* pteAlloc(k, k.vma.mm.get(dstVma), addr);
    if (!allocated) {
      error = -ENOMEM;
      break;
    }
    const dst: Table = yield* pteOffsetMapLock(k, k.vma.mm.get(dstVma), addr);
    const src: Table = yield* pteOffsetMapLock(k, k.vma.mm.get(srcVma), addr);
    if (src === NONE) {
      spinUnlock(k, ptlOf(k, dst));
      break;
    }
    while (addr < end && error === 0) {
      const entry: Entry = k.ptTable.pte.get(src, pteIndex(k, addr));
      if (ptePresent(entry)) {
        const duplicated: boolean = yield* copyPresentPte(k, dstVma, srcVma, addr, dst, src);
        if (!duplicated && prealloc === NONE) error = -EAGAIN;
        else if (!duplicated) {
          error = yield* copyPresentPage(k, dstVma, addr, dst, entryTarget(entry), prealloc);
          if (error === 0) prealloc = NONE;
        }
      } else if (hasSwap(k) && pteSwap(entry)) yield* copySwapPte(k, k.vma.mm.get(dstVma), addr, dst, src);
      else if (!pteNone(entry)) yield* copyMigrationPte(k, k.vma.mm.get(dstVma), addr, dst, src);
      if (error === 0) addr++;
    }
    spinUnlock(k, ptlOf(k, src));
    spinUnlock(k, ptlOf(k, dst));
    if (error === -EAGAIN) {
      prealloc = yield* folioPrealloc(k, 0, false);
      error = prealloc === NONE ? -ENOMEM : 0;
    }
  }
  // The page was not needed: the pin has gone meanwhile.
  if (prealloc !== NONE) yield* folioPutNew(k, prealloc);
  return error;
}

/**
 * Maps the parent's page into the child, read-only in both.
 *
 * @kernel mm/memory.c copy_present_ptes(), __copy_present_ptes()
 * @holds the locks of both tables
 * @returns false: the page may be pinned, nothing was done
 */
function* copyPresentPte(k: Kernel, dstVma: Vma, srcVma: Vma, vpn: Vpn, dst: Table, src: Table): Routine<boolean> {
  const entry: Entry = k.ptTable.pte.get(src, pteIndex(k, vpn));
  if (!isZeroPte(k, entry)) {
    const folio: Pfn = pageFolio(k, entryTarget(entry));
    yield at("folio_get");
    folioGet(k, folio);
    yield at("PageAnonExclusive");
    const duplicated: boolean = yield* folioTryDupAnonRmapPte(k, folio, entryTarget(entry), dstVma, srcVma);
    if (!duplicated) {
      yield at("folio_put");
      // Not the last reference: the parent maps the page.
      folioRefSub(k, folio, 1);
      return false;
    }
    k.mm.anonPages.add(k.vma.mm.get(dstVma), 1);
  }
  // The parent's bits as they are now: hardware may have set some since.
  let seen: Entry = entry;
  for (;;) {
    yield at("ptep_set_wrprotect");
    if (k.ptTable.pte.cmpxchg(src, pteIndex(k, vpn), seen, seen & ~WRITE)) break;
    yield at("ptep_set_wrprotect: again");
    seen = k.ptTable.pte.get(src, pteIndex(k, vpn));
  }
  yield at("set_ptes");
  setPteAt(k, dst, pteIndex(k, vpn), entry & ~(WRITE | YOUNG));
  return true;
}

/**
 * Maps a copy of a pinned page into the child. The parent's entry stays as it is, writable and exclusive.
 *
 * @kernel mm/memory.c copy_present_page()
 * @holds the locks of both tables; a new folio, which becomes the child's with result 0
 * @returns 0 or -EHWPOISON
 */
function* copyPresentPage(k: Kernel, dstVma: Vma, vpn: Vpn, dst: Table, page: Pfn, folio: Pfn): Routine<Errno> {
  yield at("copy_mc_user_highpage");
  if (k.param.copyMayMeetPoison.get() !== 0 && choose(k, "copy_mc_user_highpage meets poison", 2) === 1) return -EHWPOISON;
  k.page.content.set(folio, k.page.content.get(page));
  if (k.param.grainFlags.get() !== 0) yield* pageFlagsNonatomic(k, folio, 0, PG_UPTODATE | PG_SWAPBACKED);
  yield at("folio_add_new_anon_rmap");
  k.page.uptodate.set(folio, true);
  folioAddNewAnonRmap(k, folio, dstVma, vpn);
  yield* folioAddLru(k, folio);
  yield at("set_pte_at");
  k.mm.anonPages.add(k.vma.mm.get(dstVma), 1);
  setPteAt(k, dst, pteIndex(k, vpn), maybeMkwrite(mkPte(folio, k.vma.flags.get(dstVma)) | DIRTY, k.vma.flags.get(dstVma)));
  return 0;
}

/**
 * A migration entry becomes readable in both: restoring it must give neither of them the right to write.
 * @kernel mm/memory.c copy_nonpresent_pte()
 */
function* copyMigrationPte(k: Kernel, mm: Mm, vpn: Vpn, dst: Table, src: Table): Routine {
  const entry: Entry = readableMigrationEntry(k, k.ptTable.pte.get(src, pteIndex(k, vpn)));
  if (k.param.grainMigration.get() !== 0) yield* softleafToFolio(k, entry);
  setPteAt(k, src, pteIndex(k, vpn), entry);
  yield at("set_pte_at");
  setPteAt(k, dst, pteIndex(k, vpn), entry);
  emit(k, EV.MIGRATION_SET, mm, vpn, entryTarget(entry));
  k.mm.anonPages.add(mm, 1);
}

/**
 * A swap entry: its slot is named once more, and is exclusive in neither.
 * @kernel mm/memory.c copy_nonpresent_pte(): softleaf_is_swap()
 * @holds the locks of both tables
 */
function* copySwapPte(k: Kernel, mm: Mm, vpn: Vpn, dst: Table, src: Table): Routine {
  const entry: Entry = k.ptTable.pte.get(src, pteIndex(k, vpn));
  yield* swapDupEntryDirect(k, entryTarget(entry));
  if (entryHas(entry, EXCLUSIVE)) {
    yield at("set_pte_at: not exclusive");
    setPteAt(k, src, pteIndex(k, vpn), entry & ~EXCLUSIVE);
  }
  yield at("set_pte_at");
  setPteAt(k, dst, pteIndex(k, vpn), entry & ~EXCLUSIVE);
  k.mm.swapEntries.add(mm, 1);
}
