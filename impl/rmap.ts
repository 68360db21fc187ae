/**
 * Adding and removing reverse mappings: what a page-table entry that maps a folio does to the folio's counters, to its
 * flags and to the node's gauges. The second half of mm/rmap.c and include/linux/rmap.h; the first is `anon-vma.ts`.
 *
 * Every routine here is called under the page-table lock that covers the entry, in the step that writes the entry
 * (adding: the reference is taken before or with it; removing: the reference is dropped after it, and after the TLB
 * flush). Counters are the business of `refcount/scheme.ts`; a specification event per mapping goes out here.
 *
 * PageAnonExclusive, per page, for a PMD mapping on the head: this entry is the only one, and may be writable. It is
 * set for a new page, cleared by fork and before a migration entry stands for the page, and never cleared while the
 * page may be pinned: a pin is worth nothing if the page is replaced under it.
 *
 * Not covered: file, KSM, hugetlb and device folios; mlock (munlock_vma_folio() at each removal), PUD mappings.
 */
import { NONE, at, emit, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { pageIsFree } from "./dead-object.ts";
import { deferredSplitFolio } from "./huge-memory/deferred-split.ts";
import { modNrAnon } from "./huge-memory/mthp-stat.ts";
import { pinIsSeen } from "./lost-function.ts";
import { folioNrPages, folioTestPmdMappable } from "./page-flags.ts";
import { folioMaybeDmaPinned } from "./page-ref.ts";
import {
  accountMapPmd, accountMapPtes, accountNew, accountUnmapPmd, accountUnmapPtes, entireMapcountOf, pagesMappedByPtes,
} from "./refcount/scheme.ts";
import type { Kernel } from "./mm-types.ts";
import { MMF_HAS_PINNED_BIT } from "./structs/mm.ts";
import type { Mm, Pfn, Vma, Vpn } from "./structs/types.ts";

/**
 * The page number of an address, counted from vm_pgoff. For reverse-map walks. vm_start and vm_pgoff change only
 * under mmap_lock, VMA lock and anon_vma lock together; each caller holds one of them.
 * @kernel include/linux/pagemap.h linear_page_index()
 */
export function linearPageIndex(k: Kernel, vma: Vma, vpn: Vpn): number {
  return vpn - k.vma.start.get(vma) + k.vma.pgoff.get(vma);
}

// ---- adding ---------------------------------------------------------------------------------------------------

/**
 * The first mapping of a folio that nobody else can see yet: by a PMD if it is of PMD size, else by one PTE per page.
 * Exclusive. Its reference from the allocation becomes that of the (first) mapping.
 * @kernel mm/rmap.c folio_add_new_anon_rmap()
 * @holds the page-table lock
 */
export function folioAddNewAnonRmap(k: Kernel, folio: Pfn, vma: Vma, vpn: Vpn): void {
  const mm = k.vma.mm.get(vma);
  const nr = folioNrPages(k, folio);
  const pmdMapped = folioTestPmdMappable(k, folio);
  vmBugOn(vpn < k.vma.start.get(vma) || vpn + nr > k.vma.end.get(vma), "rmap: a new folio is mapped outside of its VMA");
  vmBugOn(k.vma.anonVma.get(vma) === NONE, "rmap: an anonymous folio is mapped in a VMA without anon_vma");
  k.page.swapbacked.set(folio, true);
  k.page.anon.set(folio, true);
  k.page.mapping.set(folio, k.vma.anonVma.get(vma));
  k.page.index.set(folio, vpn - k.vma.start.get(vma) + k.vma.pgoff.get(vma));
  accountNew(k, folio, mm, pmdMapped);
  if (pmdMapped) {
    k.page.anonExclusive.set(folio, true);
    emit(k, EV.FOLIO_MAP_PMD, folio, mm);
  } else {
    for (let i = 0; i < nr; i++) {
      k.page.anonExclusive.set(folio + i, true);
      emit(k, EV.FOLIO_MAP_PTE, folio, folio + i, mm);
    }
  }
  modStat(k, nr, pmdMapped ? nr : 0);
  modNrAnon(k, k.page.order.get(folio), 1);
}

/**
 * A folio that has come from swap becomes anonymous, before it is mapped for the first time. Others see it in the swap cache. One that
 * may be shared is found by the oldest of the family: others of it map the folio, too.
 * @kernel mm/rmap.c __folio_set_anon()
 * @holds folio lock
 */
export function folioSetAnon(k: Kernel, folio: Pfn, vma: Vma, vpn: Vpn, exclusive: boolean): void {
  vmBugOn(k.vma.anonVma.get(vma) === NONE, "rmap: an anonymous folio is mapped in a VMA without anon_vma");
  k.page.anon.set(folio, true);
  k.page.mapping.set(folio, exclusive ? k.vma.anonVma.get(vma) : k.anonVma.root.get(k.vma.anonVma.get(vma)));
  k.page.index.set(folio, linearPageIndex(k, vma, vpn));
  const order = k.page.order.get(folio);
  modNrAnon(k, order, 1);
}

/**
 * `nr` PTEs from `vpn` on map the folio's pages from `page` on.
 * @kernel mm/rmap.c folio_add_anon_rmap_ptes()
 * @holds the PTE lock, and one reference for each of the new mappings
 */
export function folioAddAnonRmapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, vma: Vma, vpn: Vpn, exclusive: boolean): void {
  const mm = k.vma.mm.get(vma);
  pageCheckAnonRmap(k, folio, page, vma, vpn);
  modStat(k, accountMapPtes(k, folio, page, nr, mm), 0);
  for (let i = 0; i < nr; i++) {
    if (exclusive) k.page.anonExclusive.set(page + i, true);
    // split_huge_pmd() maps by PTEs before it removes the PMD mapping: one of either is fine
    vmBugOn(
      k.page.anonExclusive.get(page + i) && (k.page.mapcount.get(page + i) > 0 || entireMapcountOf(k, folio) > 1),
      "rmap: an exclusive page is mapped twice",
    );
    emit(k, EV.FOLIO_MAP_PTE, folio, page + i, mm);
  }
}

/**
 * Asserts that a folio is mapped only where its anon_vma's family can find it.
 * @kernel mm/rmap.c __page_check_anon_rmap()
 */
function pageCheckAnonRmap(k: Kernel, folio: Pfn, page: Pfn, vma: Vma, vpn: Vpn): void {
  vmBugOn(!k.page.anon.get(folio), "rmap: the folio is not anonymous");
  vmBugOn(
    k.anonVma.root.get(k.page.mapping.get(folio)) !== k.anonVma.root.get(k.vma.anonVma.get(vma)),
    "rmap: the folio belongs to another family of VMAs",
  );
  vmBugOn(k.page.index.get(folio) + page - folio !== linearPageIndex(k, vma, vpn), "rmap: the page belongs to another address of the VMA");
}

/** NR_ANON_MAPPED and NR_ANON_THPS, in pages. @kernel mm/rmap.c __folio_mod_stat() */
function modStat(k: Kernel, nr: number, nrPmdMapped: number): void {
  if (nr !== 0) k.node.anonMapped.add(nr);
  if (nrPmdMapped !== 0) k.node.anonThps.add(nrPmdMapped);
}

// ---- removing -------------------------------------------------------------------------------------------------

/**
 * `nr` PTEs no longer map the folio's pages from `page` on. A large folio of which some pages are now unmapped and some
 * are not joins the deferred split queue.
 * @kernel mm/rmap.c folio_remove_rmap_ptes(), __folio_remove_rmap()
 * @holds the PTE lock; the references of the mappings, which the caller drops later
 */
export function* folioRemoveRmapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, vma: Vma): Routine {
  const unmapped = accountUnmapPtes(k, folio, page, nr, k.vma.mm.get(vma));
  modStat(k, -unmapped, 0);
  for (let i = 0; i < nr; i++) emit(k, EV.FOLIO_UNMAP_PTE, folio, page + i, k.vma.mm.get(vma));
  if (unmapped === 0 || pagesMappedByPtes(k, folio) === 0) return;
  yield at("folio_test_partially_mapped");
  if (!k.page.partiallyMapped.once(folio)) yield* deferredSplitFolio(k, folio, true);
}

/**
 * A PMD no longer maps the folio. If PTEs map some of its pages, but not all, it joins the deferred split queue.
 * @kernel mm/rmap.c folio_remove_rmap_pmd(), __folio_remove_rmap()
 * @holds the PMD lock; the reference of the mapping, which the caller drops later
 */
export function* folioRemoveRmapPmd(k: Kernel, folio: Pfn, vma: Vma): Routine {
  const nr = folioNrPages(k, folio);
  const unmapped = accountUnmapPmd(k, folio, k.vma.mm.get(vma));
  modStat(k, -unmapped, entireMapcountOf(k, folio) === 0 ? -nr : 0);
  emit(k, EV.FOLIO_UNMAP_PMD, folio, k.vma.mm.get(vma));
  if (unmapped === 0 || unmapped === nr) return;
  yield at("folio_test_partially_mapped");
  if (!k.page.partiallyMapped.once(folio)) yield* deferredSplitFolio(k, folio, true);
}

// ---- fork -----------------------------------------------------------------------------------------------------

/**
 * fork maps a page of the parent in the child, too: it is no longer exclusive, so both entries must be made read-only
 * in the step that follows. Refused for a page that may be pinned: the child must get a copy, so that the parent keeps
 * the page that the device writes to.
 *
 * Between the look at the pins and the clearing another CPU can pin the page (get_user_pages_fast() holds no lock);
 * it will notice that write_protect_seq has changed, and unpin.
 * @kernel include/linux/rmap.h folio_try_dup_anon_rmap_ptes()
 * @holds the PTE locks of both, write_protect_seq odd; a reference for the new mapping
 * @returns false: it may be pinned, nothing changed (the kernel's -EBUSY)
 */
export function* folioTryDupAnonRmapPte(k: Kernel, folio: Pfn, page: Pfn, dstVma: Vma, srcVma: Vma): Routine<boolean> {
  if (k.page.anonExclusive.get(page)) {
    yield at("folio_needs_cow_for_dma");
    if (mmHasPinned(k, srcVma)) {
      yield at("folio_maybe_dma_pinned");
      if (folioMaybeDmaPinned(k, folio)) return false;
    }
    yield at("ClearPageAnonExclusive");
    k.page.anonExclusive.set(page, false);
  }
  const mm = k.vma.mm.get(dstVma);
  modStat(k, accountMapPtes(k, folio, page, 1, mm), 0);
  emit(k, EV.FOLIO_MAP_PTE, folio, page, mm);
  return true;
}

/**
 * The same for a PMD.
 * @kernel include/linux/rmap.h folio_try_dup_anon_rmap_pmd()
 * @holds the PMD locks of both, write_protect_seq odd; a reference for the new mapping
 * @returns false: it may be pinned, nothing changed (the kernel's -EBUSY)
 */
export function* folioTryDupAnonRmapPmd(k: Kernel, folio: Pfn, dstVma: Vma, srcVma: Vma): Routine<boolean> {
  if (k.page.anonExclusive.get(folio)) {
    yield at("folio_needs_cow_for_dma");
    if (mmHasPinned(k, srcVma)) {
      yield at("folio_maybe_dma_pinned");
      if (folioMaybeDmaPinned(k, folio)) return false;
    }
    yield at("ClearPageAnonExclusive");
    k.page.anonExclusive.set(folio, false);
  }
  const mm = k.vma.mm.get(dstVma);
  vmBugOn(pageIsFree(k, folio), "use after free: a PMD begins to map a folio that has been freed");
  modStat(k, accountMapPmd(k, folio, mm), 0);
  emit(k, EV.FOLIO_MAP_PMD, folio, mm);
  return true;
}

/** Whether folios have to be asked. @kernel include/linux/mm.h folio_needs_cow_for_dma() */
function mmHasPinned(k: Kernel, vma: Vma): boolean {
  const mm: Mm = k.vma.mm.get(vma);
  vmBugOn(k.mm.writeProtectSeq.get(mm) % 2 === 0, "rmap: fork looks for pins without raising write_protect_seq");
  return k.mm.flags.has(mm, MMF_HAS_PINNED_BIT);
}

// ---- giving up exclusivity, taking it ---------------------------------------------------------------------------

/**
 * Clears PageAnonExclusive of a page whose entry has been cleared and flushed, unless it may be pinned. A lockless
 * pinner first pins, then looks at the entry and the flag again; here the entry goes first, then come the pins, then
 * the flag. So if the two meet, at least one notices the other.
 * @kernel include/linux/rmap.h folio_try_share_anon_rmap_pte()
 * @holds the PTE lock; the entry is clear
 * @returns false: it may be pinned and stays exclusive (the kernel's -EBUSY)
 */
export function* folioTryShareAnonRmapPte(k: Kernel, folio: Pfn, page: Pfn): Routine<boolean> {
  vmBugOn(!k.page.anonExclusive.get(page), "rmap: a page that is not exclusive is to be shared");
  yield at("folio_maybe_dma_pinned");
  if (folioMaybeDmaPinned(k, folio)) {
    pinIsSeen(k, folio);
    return false;
  }
  yield at("ClearPageAnonExclusive");
  k.page.anonExclusive.set(page, false);
  return true;
}

/**
 * The same for a folio mapped by a PMD that has been invalidated.
 * @kernel include/linux/rmap.h folio_try_share_anon_rmap_pmd()
 * @holds the PMD lock
 * @returns false: it may be pinned
 */
export function* folioTryShareAnonRmapPmd(k: Kernel, folio: Pfn): Routine<boolean> {
  const shared: boolean = yield* folioTryShareAnonRmapPte(k, folio, folio);
  return shared;
}

/**
 * The folio now belongs to this VMA alone: reverse-map walks need not visit its relatives any more.
 * @kernel mm/rmap.c folio_move_anon_rmap()
 * @holds folio lock, the page-table lock of the only mapping
 */
export function folioMoveAnonRmap(k: Kernel, folio: Pfn, vma: Vma): void {
  vmBugOn(k.vma.anonVma.get(vma) === NONE, "rmap: a folio is moved to a VMA without anon_vma");
  k.page.mapping.setOnce(folio, k.vma.anonVma.get(vma));
}
