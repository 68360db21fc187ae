/** Reclaim takes a page out of a page table and leaves the name of its slot there: mm/rmap.c try_to_unmap_one(), of swap-backed folios. */
import { at, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import { folioTestSwapcache } from "../page-flags.ts";
import { folioRefSub } from "../page-ref.ts";
import type { PageVmaMappedWalk } from "../page-vma-mapped.ts";
import { DIRTY, ENTRY_NONE, EXCLUSIVE, SWAP, entryHas, entryTarget, mkEntry, pteIndex, setPteAt } from "../pgtable.ts";
import { folioRemoveRmapPtes, folioTryShareAnonRmapPte } from "../rmap.ts";
import type { Entry, Mm, Pfn } from "../structs/types.ts";
import { folioDupSwap, folioPutSwap } from "../swap/swapfile.ts";
import { setTlbUbcFlushPending, shouldDeferFlush } from "../tlb-batch.ts";
import { flushTlbRange } from "../tlb.ts";

/**
 * One page: a swap-backed folio is unmapped page by page, so that others meet it half unmapped. Its slot counts the entry before the
 * entry is there. The entry keeps that the page was exclusive; the page is not any more, and an exclusive one that may be pinned is
 * put back. The flush may come later, with that of other entries; the dirty bit is the folio's from now on.
 * @kernel mm/rmap.c try_to_unmap_one()
 * @holds the table's lock, folio lock, anon_vma lock; the folio is in the swap cache
 * @returns false: it is mapped as before
 */
export function* unmapAnonPte(k: Kernel, pvmw: PageVmaMappedWalk): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(pvmw.vma);
  vmBugOn(!folioTestSwapcache(k, pvmw.folio), "vmscan: a folio is to be swapped out that has no slots");
  yield at("ptep_get_and_clear");
  const old: Entry = k.ptTable.pte.xchg(pvmw.table, pteIndex(k, pvmw.address), ENTRY_NONE);
  const page: Pfn = entryTarget(old);
  let defers: boolean = false;
  if (k.param.unmapDefersFlush.get() !== 0) {
    yield at("should_defer_flush");
    defers = shouldDeferFlush(k, mm);
  }
  if (defers) yield* setTlbUbcFlushPending(k, mm, entryHas(old, DIRTY));
  else yield* flushTlbRange(k, mm, pvmw.address, pvmw.address + 1);
  if (entryHas(old, DIRTY)) {
    yield at("folio_mark_dirty");
    k.page.dirty.set(pvmw.folio, true);
  }
  yield* folioDupSwap(k, pvmw.folio, page);
  yield at("PageAnonExclusive");
  const exclusive: boolean = k.page.anonExclusive.get(page);
  if (exclusive) {
    const shared: boolean = yield* folioTryShareAnonRmapPte(k, pvmw.folio, page);
    if (!shared) {
      yield* folioPutSwap(k, pvmw.folio, page, 1);
      yield at("set_pte_at: put back");
      setPteAt(k, pvmw.table, pteIndex(k, pvmw.address), old);
      return false;
    }
  }
  k.mm.anonPages.add(mm, -1);
  k.mm.swapEntries.add(mm, 1);
  yield at("set_pte_at: swap entry");
  const entry = k.page.swap.get(pvmw.folio) + page - pvmw.folio;
  setPteAt(k, pvmw.table, pteIndex(k, pvmw.address), mkEntry(entry, SWAP | (exclusive ? EXCLUSIVE : 0)));
  yield at("folio_remove_rmap_pte");
  yield* folioRemoveRmapPtes(k, pvmw.folio, page, 1, pvmw.vma);
  yield at("folio_put");
  folioRefSub(k, pvmw.folio, 1);
  yield at("page_vma_mapped_walk: next");
  pvmw.address = pvmw.address + 1;
  return true;
}
