/**
 * SCHEME_FOLIO, Linux since 6.2: references on the head, `_entire_mapcount`, `_large_mapcount`, `_nr_pages_mapped`, and
 * (since 6.15) two slots that name the address spaces which map a large folio. Here with CONFIG_PAGE_MAPCOUNT and
 * CONFIG_MM_ID, as distribution kernels have them.
 *
 * One step changes all counters of a mapping. In the kernel they are several atomic operations in a row, the last ones
 * under the folio's `_mm_ids` bit lock. Collapse, COW reuse and split may see a state between them, as they compare
 * references with mappings without a page-table lock. A mapping is added after its reference and removed before it. So
 * such a state shows a reference too many, never one too few, and the comparison fails as it does for any transient
 * reference.
 *
 * A pin of a small folio counts in `pincount`, as that of a large one does. The kernel adds GUP_PIN_COUNTING_BIAS
 * (1024) to `_refcount` in its place, which does not fit the small counts of an exhaustive check. Its false positive at
 * 1024 plain references is therefore not covered.
 */
import { NONE, emit } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { pageIsFree } from "../dead-object.ts";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages, folioTestLarge, folioTestSwapcache, pageFolio } from "../page-flags.ts";
import type { Mm, Pfn } from "../structs/types.ts";
import type { RefcountOperations } from "./operations.ts";

export const folioScheme: RefcountOperations = {
  refsGet, refsPut, refsTryGet, refsPutTestzero, refsFreeze, refsUnfreeze, refsExpected: mapcountOf, refsOfPmdSplit,
  pinsGet, pinsPut, pinsOf,
  accountNew, accountMapPtes, accountUnmapPtes, accountMapPmd, accountUnmapPmd,
  mapcountOf, entireMapcountOf, pagesMappedByPtes, maybeMappedShared,
  accountSplit, refsOfSplitPage, checkFreed, clearOwners,
};

// ---- references -------------------------------------------------------------------------------------------------

// refsGet() and refsPut() touch the count last: a thread that gives up a page to others does so in the same instant.
function refsGet(k: Kernel, page: Pfn, refs: number): void {
  const folio = pageFolio(k, page);
  vmBugOn(pageIsFree(k, folio), "use after free: a reference is taken to a page that has been freed");
  vmBugOn(k.page.refcount.get(folio) === 0, "refcount-scheme: a reference is taken to a folio that has none: it is frozen");
  k.page.refcount.add(folio, refs);
  emit(k, EV.FOLIO_GET, folio, refs);
}

function refsPut(k: Kernel, page: Pfn, refs: number): void {
  const folio = pageFolio(k, page);
  vmBugOn(pageIsFree(k, folio), "use after free: a reference to a page that has been freed is dropped");
  vmBugOn(k.page.refcount.get(folio) <= refs, "refcount-scheme: the last reference is dropped where the caller holds another");
  k.page.refcount.add(folio, -refs);
  emit(k, EV.FOLIO_PUT, folio, refs);
}

function refsTryGet(k: Kernel, folio: Pfn): boolean {
  if (!k.page.refcount.addUnless(folio, 1, 0)) return false;
  emit(k, EV.FOLIO_GET, folio, 1);
  return true;
}

function refsPutTestzero(k: Kernel, folio: Pfn, refs: number): boolean {
  vmBugOn(pageIsFree(k, folio), "use after free: a reference to a page that has been freed is dropped: a double put");
  vmBugOn(k.page.refcount.get(folio) < refs, "refcount-scheme: more references are dropped than there are: a double put");
  if (k.page.refcount.addReturn(folio, -refs) !== 0) {
    emit(k, EV.FOLIO_PUT, folio, refs);
    return false;
  }
  emit(k, EV.FOLIO_RELEASE, folio);
  return true;
}

function refsFreeze(k: Kernel, folio: Pfn, expected: number): boolean {
  return k.page.refcount.cmpxchg(folio, expected, 0);
}

function refsUnfreeze(k: Kernel, folio: Pfn, refs: number): void {
  k.page.refcount.setOnce(folio, refs);
}

function refsOfPmdSplit(k: Kernel, folio: Pfn, nrPages: number): void {
  k.page.refcount.add(folio, nrPages - 1);
  emit(k, EV.FOLIO_GET, folio, nrPages - 1);
}

// ---- pins -------------------------------------------------------------------------------------------------------

function pinsGet(k: Kernel, folio: Pfn): void {
  vmBugOn(pageIsFree(k, folio), "use after free: a page that has been freed is pinned");
  k.page.pincount.add(folio, 1);
  emit(k, EV.FOLIO_PIN, folio);
}

function pinsPut(k: Kernel, folio: Pfn): void {
  vmBugOn(k.page.pincount.get(folio) === 0, "refcount-scheme: a folio is unpinned more often than it was pinned");
  k.page.pincount.add(folio, -1);
  emit(k, EV.FOLIO_UNPIN, folio);
}

function pinsOf(k: Kernel, folio: Pfn): number {
  return k.page.pincount.get(folio);
}

// ---- mappings ---------------------------------------------------------------------------------------------------

function accountNew(k: Kernel, folio: Pfn, mm: Mm, pmdMapped: boolean): void {
  if (!folioTestLarge(k, folio)) {
    k.page.mapcount.set(folio, 0);
  } else if (pmdMapped) {
    k.page.entireMapcount.set(folio, 0);
    addLargeMapcount(k, folio, 1, mm);
  } else {
    const nr = folioNrPages(k, folio);
    for (let i = 0; i < nr; i++) k.page.mapcount.set(folio + i, 0);
    k.page.nrPagesMapped.set(folio, nr);
    addLargeMapcount(k, folio, nr, mm);
  }
}

/** @kernel mm/rmap.c __folio_add_rmap() RMAP_LEVEL_PTE */
function accountMapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  vmBugOn(pageIsFree(k, folio), "use after free: PTEs begin to map a page that has been freed");
  let first = 0;
  for (let i = 0; i < nr; i++) {
    if (k.page.mapcount.get(page + i) === -1) first++;
    k.page.mapcount.add(page + i, 1);
  }
  if (!folioTestLarge(k, folio)) return first;
  k.page.nrPagesMapped.add(folio, first);
  addLargeMapcount(k, folio, nr, mm);
  return k.page.entireMapcount.get(folio) === -1 ? first : 0;
}

/** @kernel mm/rmap.c __folio_remove_rmap() RMAP_LEVEL_PTE */
function accountUnmapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  vmBugOn(pageIsFree(k, folio), "use after free: PTEs mapped a page that has been freed");
  if (folioTestLarge(k, folio)) subLargeMapcount(k, folio, nr, mm);
  let last = 0;
  for (let i = 0; i < nr; i++) {
    k.page.mapcount.add(page + i, -1);
    if (k.page.mapcount.get(page + i) === -1) last++;
  }
  if (!folioTestLarge(k, folio)) return last;
  k.page.nrPagesMapped.add(folio, -last);
  return k.page.entireMapcount.get(folio) === -1 ? last : 0;
}

/** @kernel mm/rmap.c __folio_add_rmap() RMAP_LEVEL_PMD */
function accountMapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  const first = k.page.entireMapcount.get(folio) === -1;
  k.page.entireMapcount.add(folio, 1);
  addLargeMapcount(k, folio, 1, mm);
  return first ? folioNrPages(k, folio) - k.page.nrPagesMapped.get(folio) : 0;
}

/** @kernel mm/rmap.c __folio_remove_rmap() RMAP_LEVEL_PMD */
function accountUnmapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  vmBugOn(pageIsFree(k, folio), "use after free: a PMD mapped a folio that has been freed");
  subLargeMapcount(k, folio, 1, mm);
  k.page.entireMapcount.add(folio, -1);
  return k.page.entireMapcount.get(folio) === -1 ? folioNrPages(k, folio) - k.page.nrPagesMapped.get(folio) : 0;
}

/**
 * `_large_mapcount` and the owner slots: which mms map the folio, two of them by name. SHARED is set as soon as a second
 * one appears, and for good once a third comes that finds no slot, until one slot again accounts for every mapping.
 * @kernel include/linux/rmap.h folio_add_large_mapcount(), folio_set_large_mapcount()
 */
function addLargeMapcount(k: Kernel, folio: Pfn, diff: number, mm: Mm): void {
  const mapcount = k.page.largeMapcount.get(folio) + diff;
  if (k.page.mmId0.get(folio) === mm) {
    k.page.mmIdMapcount0.add(folio, diff);
  } else if (k.page.mmId1.get(folio) === mm) {
    k.page.mmIdMapcount1.add(folio, diff);
  } else if (k.page.mmId0.get(folio) === NONE) {
    k.page.mmId0.set(folio, mm);
    k.page.mmIdMapcount0.set(folio, diff - 1);
    if (mapcount !== diff - 1) k.page.maybeShared.set(folio, true);
  } else if (k.page.mmId1.get(folio) === NONE) {
    k.page.mmId1.set(folio, mm);
    k.page.mmIdMapcount1.set(folio, diff - 1);
    k.page.maybeShared.set(folio, true);
  }
  k.page.largeMapcount.set(folio, mapcount);
}

/**
 * A slot can hold fewer mappings than its mm removes, when some were added while no slot was free: it is then given up.
 * @kernel include/linux/rmap.h folio_sub_return_large_mapcount()
 */
function subLargeMapcount(k: Kernel, folio: Pfn, diff: number, mm: Mm): void {
  const mapcount = k.page.largeMapcount.get(folio) - diff;
  k.page.largeMapcount.set(folio, mapcount);
  if (k.page.mmId0.get(folio) === mm) {
    const left = k.page.mmIdMapcount0.get(folio) - diff;
    k.page.mmIdMapcount0.set(folio, left >= 0 ? left : -1);
    if (left >= 0) return;
    k.page.mmId0.set(folio, NONE);
  } else if (k.page.mmId1.get(folio) === mm) {
    const left = k.page.mmIdMapcount1.get(folio) - diff;
    k.page.mmIdMapcount1.set(folio, left >= 0 ? left : -1);
    if (left >= 0) return;
    k.page.mmId1.set(folio, NONE);
  }
  const ownedByOne = k.page.mmIdMapcount0.get(folio) === mapcount || k.page.mmIdMapcount1.get(folio) === mapcount;
  if (ownedByOne) k.page.maybeShared.set(folio, false);
}

function mapcountOf(k: Kernel, folio: Pfn): number {
  return folioTestLarge(k, folio) ? k.page.largeMapcount.get(folio) + 1 : k.page.mapcount.get(folio) + 1;
}

function entireMapcountOf(k: Kernel, folio: Pfn): number {
  return k.page.entireMapcount.get(folio) + 1;
}

function pagesMappedByPtes(k: Kernel, folio: Pfn): number {
  return k.page.nrPagesMapped.get(folio);
}

/**
 * May be true of a folio that one address space maps twice or more. Never true of a folio mapped once: there a
 * `maybeShared` that is left over is ignored.
 */
function maybeMappedShared(k: Kernel, folio: Pfn): boolean {
  return mapcountOf(k, folio) > 1 && (!folioTestLarge(k, folio) || k.page.maybeShared.get(folio));
}

// ---- the life of a folio ----------------------------------------------------------------------------------------

function accountSplit(k: Kernel, folio: Pfn): void {
  vmBugOn(k.page.largeMapcount.get(folio) !== -1 || k.page.entireMapcount.get(folio) !== -1 || k.page.nrPagesMapped.get(folio) !== 0,
    "refcount-scheme: a mapped folio is split");
  vmBugOn(k.page.pincount.get(folio) !== 0, "refcount-scheme: a pinned folio is split");
  // A third mm is not tracked; the bit may have outlived all mappings only as long as one remained.
  vmBugOn(k.page.mmId0.get(folio) !== NONE || k.page.mmId1.get(folio) !== NONE || k.page.maybeShared.get(folio),
    "refcount-scheme: an unmapped folio has an owner");
}

/** That of the thread that splits, and of the swap cache: nothing maps the pages, and nobody else holds one of them. */
function refsOfSplitPage(k: Kernel, page: Pfn): number {
  return folioTestSwapcache(k, page) ? 2 : 1;
}

function checkFreed(k: Kernel, folio: Pfn): void {
  vmBugOn(k.page.entireMapcount.get(folio) !== -1, "page-alloc: a folio is freed that a PMD maps: nonzero entire_mapcount");
  vmBugOn(k.page.largeMapcount.get(folio) !== -1, "page-alloc: a folio is freed that is mapped: nonzero large_mapcount");
  vmBugOn(k.page.nrPagesMapped.get(folio) !== 0, "page-alloc: a folio is freed with nonzero nr_pages_mapped");
  vmBugOn(k.page.pincount.get(folio) !== 0, "page-alloc: a folio is freed that is pinned: nonzero pincount");
  vmBugOn(k.page.mmIdMapcount0.get(folio) !== -1 || k.page.mmIdMapcount1.get(folio) !== -1,
    "page-alloc: a folio is freed with nonzero mm mapcount");
}

function clearOwners(k: Kernel, folio: Pfn): void {
  k.page.mmId0.set(folio, NONE);
  k.page.mmId1.set(folio, NONE);
  k.page.maybeShared.set(folio, false);
}
