/**
 * The switch between the three ways in which Linux has counted references and mappings of huge pages.
 *
 *   - SCHEME_TAIL_PINS_2011 (2.6.38 to 4.4): a pin of a tail page is counted in that page's `_mapcount`; no PTE maps
 *     part of a huge page; a split distributes the pins and cannot fail.
 *   - SCHEME_DOUBLEMAP_2015 (4.5 to 5.19): references on the head only, compound_mapcount, PG_double_map.
 *   - SCHEME_FOLIO (since then): `_entire_mapcount`, `_large_mapcount`, `_nr_pages_mapped`, two MM owner slots; here
 *     with CONFIG_PAGE_MAPCOUNT and CONFIG_MM_ID, as distribution kernels have them.
 *
 * Each operation that the schemes do differently is one function here, and nothing else reads `param.refcountScheme`:
 * references (`refs*`), pins (`pins*`), mappings (`account*`), what a PMD split adds (`refsOfPmdSplit`) and what a folio
 * split leaves (`accountSplit`). Everything that takes or drops a reference or a pin ends up here: the kernel's functions
 * in `page-ref.ts`, `swap.ts` and `gup.ts` are made of these. Only where a page begins to be one (allocation, and the
 * joining of single pages) is its count stored. Only SCHEME_FOLIO is filled; kernelConfig() refuses the others, which
 * `noSuchScheme` relies on. To fill another, add a case to each function.
 *
 * One step changes all counters of a mapping. In the kernel they are several atomic operations in a row, the last ones
 * under the folio's `_mm_ids` bit lock. Whoever sees a state between them without a page-table lock compares references
 * with mappings (collapse, COW reuse, split): a mapping is added after its reference and removed before it, so that
 * such a state shows a reference too many, never one too few, and the comparison fails as it does for any transient
 * reference.
 */
import { NONE, emit } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { SCHEME_FOLIO } from "../../spec/enumerations.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Pfn } from "../structs/types.ts";

/** References to the folio that `page` belongs to, taken by whoever holds one already. @kernel include/linux/mm.h get_page() */
export function refsGet(k: Kernel, page: Pfn, refs: number): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      return refsGetOf(k, headOf(k, page), refs);
    default: return noSuchScheme();
  }
}

/** Drops references of which none is the last. @kernel include/linux/mm.h put_page() */
export function refsPut(k: Kernel, page: Pfn, refs: number): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      return refsPutOf(k, headOf(k, page), refs);
    default: return noSuchScheme();
  }
}

// The count is the last thing that these touch: who gives up a page to others does so in the same instant.
function refsGetOf(k: Kernel, folio: Pfn, refs: number): void {
  vmBugOn(k.page.refcount.get(folio) === 0, "refcount-scheme: a reference is taken to a folio that has none: it is free or frozen");
  k.page.refcount.add(folio, refs);
  emit(k, EV.FOLIO_GET, folio, refs);
}

function refsPutOf(k: Kernel, folio: Pfn, refs: number): void {
  vmBugOn(k.page.refcount.get(folio) <= refs, "refcount-scheme: the last reference is dropped where the caller holds another");
  k.page.refcount.add(folio, -refs);
  emit(k, EV.FOLIO_PUT, folio, refs);
}

/** A reference to a folio that may have none, and then gets none. @kernel include/linux/page_ref.h folio_ref_add_unless() */
export function refsTryGet(k: Kernel, folio: Pfn): boolean {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      if (!k.page.refcount.addUnless(folio, 1, 0)) return false;
      emit(k, EV.FOLIO_GET, folio, 1);
      return true;
    default: return noSuchAnswer();
  }
}

/** Drops references; true where the last one was among them. @kernel include/linux/page_ref.h folio_ref_sub_and_test() */
export function refsPutTestzero(k: Kernel, folio: Pfn, refs: number): boolean {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      vmBugOn(k.page.refcount.get(folio) < refs, "refcount-scheme: more references are dropped than there are: a double put, or a put of a freed folio");
      if (k.page.refcount.addReturn(folio, -refs) !== 0) {
        emit(k, EV.FOLIO_PUT, folio, refs);
        return false;
      }
      emit(k, EV.FOLIO_RELEASE, folio);
      return true;
    default: return noSuchAnswer();
  }
}

/** Takes all references away, if there are exactly `expected`. @kernel include/linux/page_ref.h page_ref_freeze() */
export function refsFreeze(k: Kernel, folio: Pfn, expected: number): boolean {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO: return k.page.refcount.cmpxchg(folio, expected, 0);
    default: return noSuchAnswer();
  }
}

/** Gives them back. @kernel include/linux/page_ref.h page_ref_unfreeze() */
export function refsUnfreeze(k: Kernel, folio: Pfn, refs: number): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO: return k.page.refcount.setOnce(folio, refs);
    default: return noSuchScheme();
  }
}

/** Counts a pin, whose reference the caller has just taken. @kernel mm/gup.c try_grab_folio() */
export function pinsGet(k: Kernel, folio: Pfn): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      k.page.pincount.add(folio, 1);
      return emit(k, EV.FOLIO_PIN, folio);
    default: return noSuchScheme();
  }
}

/** The reverse. @kernel mm/gup.c gup_put_folio() */
export function pinsPut(k: Kernel, folio: Pfn): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      vmBugOn(k.page.pincount.get(folio) === 0, "refcount-scheme: a folio is unpinned more often than it was pinned");
      k.page.pincount.add(folio, -1);
      return emit(k, EV.FOLIO_UNPIN, folio);
    default: return noSuchScheme();
  }
}

/** The first mapping of a new folio: by its PMD, or of each page by a PTE. */
export function accountNew(k: Kernel, folio: Pfn, mm: Mm, pmdMapped: boolean): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO: return folioAccountNew(k, folio, mm, pmdMapped);
    default: return noSuchScheme();
  }
}

/** PTEs of `mm` map `nr` pages from `page`. Returns how many of them no PTE or PMD had mapped. */
export function accountMapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO: return folioAccountMapPtes(k, folio, page, nr, mm);
    default: return noSuchNumber();
  }
}

/** The reverse. Returns how many of the pages nothing maps any more. */
export function accountUnmapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO: return folioAccountUnmapPtes(k, folio, page, nr, mm);
    default: return noSuchNumber();
  }
}

/** A PMD of `mm` maps the folio. Returns how many pages nothing had mapped. */
export function accountMapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO: return folioAccountMapPmd(k, folio, mm);
    default: return noSuchNumber();
  }
}

/** The reverse. Returns how many pages nothing maps any more. */
export function accountUnmapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO: return folioAccountUnmapPmd(k, folio, mm);
    default: return noSuchNumber();
  }
}

/** The references of the PTE mappings that replace one PMD mapping, whose own reference is among them. */
export function refsOfPmdSplit(k: Kernel, folio: Pfn, nrPages: number): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      k.page.refcount.add(folio, nrPages - 1);
      return emit(k, EV.FOLIO_GET, folio, nrPages - 1);
    default: return noSuchScheme();
  }
}

/**
 * Counters of a frozen, unmapped folio that becomes single pages: only those of a large folio must be gone.
 * @kernel mm/huge_memory.c __split_folio_to_order()
 */
export function accountSplit(k: Kernel, folio: Pfn): void {
  switch (k.param.refcountScheme.get()) {
    case SCHEME_FOLIO:
      vmBugOn(k.page.largeMapcount.get(folio) !== -1 || k.page.entireMapcount.get(folio) !== -1 || k.page.nrPagesMapped.get(folio) !== 0, "refcount-scheme: a mapped folio is split");
      vmBugOn(k.page.pincount.get(folio) !== 0, "refcount-scheme: a pinned folio is split");
      // A third mm is not tracked; the bit may have outlived all mappings only as long as one remained.
      vmBugOn(k.page.mmId0.get(folio) !== NONE || k.page.mmId1.get(folio) !== NONE || k.page.maybeShared.get(folio), "refcount-scheme: an unmapped folio has an owner");
      return;
    default: return noSuchScheme();
  }
}

function noSuchScheme(): void {
  vmBugOn(true, "refcount-scheme: only SCHEME_FOLIO is filled; kernelConfig() refuses the others");
}
function noSuchNumber(): number {
  noSuchScheme();
  return 0;
}
function noSuchAnswer(): boolean {
  noSuchScheme();
  return false;
}

// ---- SCHEME_FOLIO ---------------------------------------------------------------------------------------------

function headOf(k: Kernel, page: Pfn): Pfn {
  const head = k.page.head.get(page);
  return head === NONE ? page : head;
}

function isLarge(k: Kernel, folio: Pfn): boolean { return k.page.order.get(folio) !== 0; }
function nrPagesOf(k: Kernel, folio: Pfn): number { return 2 ** k.page.order.get(folio); }

function folioAccountNew(k: Kernel, folio: Pfn, mm: Mm, pmdMapped: boolean): void {
  if (!isLarge(k, folio)) {
    k.page.mapcount.set(folio, 0);
  } else if (pmdMapped) {
    k.page.entireMapcount.set(folio, 0);
    addLargeMapcount(k, folio, 1, mm);
  } else {
    const nr = nrPagesOf(k, folio);
    for (let i = 0; i < nr; i++) k.page.mapcount.set(folio + i, 0);
    k.page.nrPagesMapped.set(folio, nr);
    addLargeMapcount(k, folio, nr, mm);
  }
}

/** @kernel mm/rmap.c __folio_add_rmap() RMAP_LEVEL_PTE */
function folioAccountMapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  let first = 0;
  for (let i = 0; i < nr; i++) {
    if (k.page.mapcount.get(page + i) === -1) first++;
    k.page.mapcount.add(page + i, 1);
  }
  if (!isLarge(k, folio)) return first;
  k.page.nrPagesMapped.add(folio, first);
  addLargeMapcount(k, folio, nr, mm);
  return k.page.entireMapcount.get(folio) === -1 ? first : 0;
}

/** @kernel mm/rmap.c __folio_remove_rmap() RMAP_LEVEL_PTE */
function folioAccountUnmapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  if (isLarge(k, folio)) subLargeMapcount(k, folio, nr, mm);
  let last = 0;
  for (let i = 0; i < nr; i++) {
    k.page.mapcount.add(page + i, -1);
    if (k.page.mapcount.get(page + i) === -1) last++;
  }
  if (!isLarge(k, folio)) return last;
  k.page.nrPagesMapped.add(folio, -last);
  return k.page.entireMapcount.get(folio) === -1 ? last : 0;
}

/** @kernel mm/rmap.c __folio_add_rmap() RMAP_LEVEL_PMD */
function folioAccountMapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  const first = k.page.entireMapcount.get(folio) === -1;
  k.page.entireMapcount.add(folio, 1);
  addLargeMapcount(k, folio, 1, mm);
  return first ? nrPagesOf(k, folio) - k.page.nrPagesMapped.get(folio) : 0;
}

/** @kernel mm/rmap.c __folio_remove_rmap() RMAP_LEVEL_PMD */
function folioAccountUnmapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  subLargeMapcount(k, folio, 1, mm);
  k.page.entireMapcount.add(folio, -1);
  return k.page.entireMapcount.get(folio) === -1 ? nrPagesOf(k, folio) - k.page.nrPagesMapped.get(folio) : 0;
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
  if (k.page.mmIdMapcount0.get(folio) === mapcount || k.page.mmIdMapcount1.get(folio) === mapcount) k.page.maybeShared.set(folio, false);
}
