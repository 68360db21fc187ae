/**
 * Linux has counted references and mappings of huge pages in three ways, and a kernel here has one of them:
 *
 *   - SCHEME_TAIL_PINS_2011 (2.6.38 to 4.4): a pin of a tail page is counted in that page's `_mapcount`; no PTE maps
 *     part of a huge page; a split distributes the pins and cannot fail.
 *   - SCHEME_DOUBLEMAP_2015 (4.5 to 6.1): references on the head only, compound_mapcount, PG_double_map.
 *   - SCHEME_FOLIO (since 6.2): counters of all mappings of a folio, and owner slots; see `folio.ts`.
 *
 * This file picks. Each operation in which they differ is one function here, and nothing else in impl/ reads
 * `param.refcountScheme`. `RefcountOperations` says what each operation does. Everything that takes or drops a reference or
 * a pin ends up here: page-ref.ts, swap.ts and gup.ts are made of these functions.
 *
 * A new scheme is one file that fills `RefcountOperations`, its row in SCHEMES, and its fields in `fields.ts`. The compiler
 * resolves `SCHEMES[...]` when it links, so an operation costs a call and no test. Schemes that are not in SCHEMES are
 * refused by kernelConfig().
 */
import { SCHEME_FOLIO } from "../../spec/enumerations.ts";
import type { Kernel } from "../mm-types.ts";
import type { Mm, Pfn } from "../structs/types.ts";
import { folioScheme } from "./folio.ts";
import type { RefcountOperations } from "./operations.ts";

const SCHEMES: Readonly<Record<number, RefcountOperations>> = {
  [SCHEME_FOLIO]: folioScheme,
};

// ---- references ------------------------------------------------------------------------------------------------

/** @kernel include/linux/mm.h get_page() */
export function refsGet(k: Kernel, page: Pfn, refs: number): void {
  SCHEMES[k.param.refcountScheme.get()]!.refsGet(k, page, refs);
}

/** @kernel include/linux/mm.h put_page() */
export function refsPut(k: Kernel, page: Pfn, refs: number): void {
  SCHEMES[k.param.refcountScheme.get()]!.refsPut(k, page, refs);
}

/** @kernel include/linux/page_ref.h folio_ref_add_unless() */
export function refsTryGet(k: Kernel, folio: Pfn): boolean {
  return SCHEMES[k.param.refcountScheme.get()]!.refsTryGet(k, folio);
}

/** @kernel include/linux/page_ref.h folio_ref_sub_and_test() */
export function refsPutTestzero(k: Kernel, folio: Pfn, refs: number): boolean {
  return SCHEMES[k.param.refcountScheme.get()]!.refsPutTestzero(k, folio, refs);
}

/** @kernel include/linux/page_ref.h page_ref_freeze() */
export function refsFreeze(k: Kernel, folio: Pfn, expected: number): boolean {
  return SCHEMES[k.param.refcountScheme.get()]!.refsFreeze(k, folio, expected);
}

/** @kernel include/linux/page_ref.h page_ref_unfreeze() */
export function refsUnfreeze(k: Kernel, folio: Pfn, refs: number): void {
  SCHEMES[k.param.refcountScheme.get()]!.refsUnfreeze(k, folio, refs);
}

/** @kernel include/linux/mm.h folio_expected_ref_count() */
export function refsExpected(k: Kernel, folio: Pfn): number {
  return SCHEMES[k.param.refcountScheme.get()]!.refsExpected(k, folio);
}

/** @kernel mm/huge_memory.c __split_huge_pmd_locked() */
export function refsOfPmdSplit(k: Kernel, folio: Pfn, nrPages: number): void {
  SCHEMES[k.param.refcountScheme.get()]!.refsOfPmdSplit(k, folio, nrPages);
}

// ---- pins ------------------------------------------------------------------------------------------------------

/** @kernel mm/gup.c try_grab_folio() */
export function pinsGet(k: Kernel, folio: Pfn): void {
  SCHEMES[k.param.refcountScheme.get()]!.pinsGet(k, folio);
}

/** @kernel mm/gup.c gup_put_folio() */
export function pinsPut(k: Kernel, folio: Pfn): void {
  SCHEMES[k.param.refcountScheme.get()]!.pinsPut(k, folio);
}

/** @kernel include/linux/mm.h folio_maybe_dma_pinned() */
export function pinsOf(k: Kernel, folio: Pfn): number {
  return SCHEMES[k.param.refcountScheme.get()]!.pinsOf(k, folio);
}

// ---- mappings --------------------------------------------------------------------------------------------------

/** @kernel mm/rmap.c folio_add_new_anon_rmap() */
export function accountNew(k: Kernel, folio: Pfn, mm: Mm, pmdMapped: boolean): void {
  SCHEMES[k.param.refcountScheme.get()]!.accountNew(k, folio, mm, pmdMapped);
}

/** @kernel mm/rmap.c __folio_add_rmap() */
export function accountMapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  return SCHEMES[k.param.refcountScheme.get()]!.accountMapPtes(k, folio, page, nr, mm);
}

/** @kernel mm/rmap.c __folio_remove_rmap() */
export function accountUnmapPtes(k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm): number {
  return SCHEMES[k.param.refcountScheme.get()]!.accountUnmapPtes(k, folio, page, nr, mm);
}

/** @kernel mm/rmap.c __folio_add_rmap() */
export function accountMapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  return SCHEMES[k.param.refcountScheme.get()]!.accountMapPmd(k, folio, mm);
}

/** @kernel mm/rmap.c __folio_remove_rmap() */
export function accountUnmapPmd(k: Kernel, folio: Pfn, mm: Mm): number {
  return SCHEMES[k.param.refcountScheme.get()]!.accountUnmapPmd(k, folio, mm);
}

/** @kernel include/linux/mm.h folio_mapcount() */
export function mapcountOf(k: Kernel, folio: Pfn): number {
  return SCHEMES[k.param.refcountScheme.get()]!.mapcountOf(k, folio);
}

/** @kernel include/linux/mm.h folio_entire_mapcount() */
export function entireMapcountOf(k: Kernel, folio: Pfn): number {
  return SCHEMES[k.param.refcountScheme.get()]!.entireMapcountOf(k, folio);
}

/** @kernel mm/internal.h folio_nr_pages_mapped() */
export function pagesMappedByPtes(k: Kernel, folio: Pfn): number {
  return SCHEMES[k.param.refcountScheme.get()]!.pagesMappedByPtes(k, folio);
}

/** @kernel include/linux/mm.h folio_maybe_mapped_shared() */
export function maybeMappedShared(k: Kernel, folio: Pfn): boolean {
  return SCHEMES[k.param.refcountScheme.get()]!.maybeMappedShared(k, folio);
}

// ---- the life of a folio ---------------------------------------------------------------------------------------

/** @kernel mm/huge_memory.c __split_folio_to_order() */
export function accountSplit(k: Kernel, folio: Pfn): void {
  SCHEMES[k.param.refcountScheme.get()]!.accountSplit(k, folio);
}

/** @kernel mm/huge_memory.c __folio_freeze_and_split_unmapped() */
export function refsOfSplitPage(k: Kernel, page: Pfn): number {
  return SCHEMES[k.param.refcountScheme.get()]!.refsOfSplitPage(k, page);
}

/** @kernel mm/page_alloc.c free_tail_page_prepare() */
export function checkFreed(k: Kernel, folio: Pfn): void {
  SCHEMES[k.param.refcountScheme.get()]!.checkFreed(k, folio);
}

/** @kernel mm/page_alloc.c free_pages_prepare() */
export function clearOwners(k: Kernel, folio: Pfn): void {
  SCHEMES[k.param.refcountScheme.get()]!.clearOwners(k, folio);
}
