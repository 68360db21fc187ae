/**
 * What a way of counting references and mappings of huge pages has to provide. One file fills it: see `scheme.ts`.
 *
 * The operations are those in which the ways differ. A scheme owns fields of struct page, and nothing outside of this
 * room reads or writes them. `page.refcount` and `page.mapcount` belong to all schemes. `folio` is the head of a folio
 * or a single page, `page` is any page.
 *
 * References are stored directly only where a page begins to be a folio: in page-alloc.ts, and where the promotion of a
 * reservation joins single pages.
 */
import type { Kernel } from "../mm-types.ts";
import type { Mm, Pfn } from "../structs/types.ts";

export interface RefcountOperations {
  // ---- references

  /**
   * References to the folio of `page`, taken by somebody who holds one already.
   * @kernel include/linux/mm.h get_page()
   */
  readonly refsGet: (k: Kernel, page: Pfn, refs: number) => void;
  /** Drops references to the folio of `page`; none of them is the last one. @kernel include/linux/mm.h put_page() */
  readonly refsPut: (k: Kernel, page: Pfn, refs: number) => void;
  /**
   * A reference to a folio that may have none. False: it has none, and gets none.
   * @kernel include/linux/page_ref.h folio_ref_add_unless()
   */
  readonly refsTryGet: (k: Kernel, folio: Pfn) => boolean;
  /**
   * Drops references; true where the last one was among them.
   * @kernel include/linux/page_ref.h folio_ref_sub_and_test()
   */
  readonly refsPutTestzero: (k: Kernel, folio: Pfn, refs: number) => boolean;
  /** Takes all references away, if there are exactly `expected`. @kernel include/linux/page_ref.h page_ref_freeze() */
  readonly refsFreeze: (k: Kernel, folio: Pfn, expected: number) => boolean;
  /** Gives them back. @kernel include/linux/page_ref.h page_ref_unfreeze() */
  readonly refsUnfreeze: (k: Kernel, folio: Pfn, refs: number) => void;
  /** References that are accounted for by mappings. @kernel include/linux/mm.h folio_expected_ref_count() */
  readonly refsExpected: (k: Kernel, folio: Pfn) => number;
  /**
   * The references of the PTE mappings that replace one PMD mapping; the PMD mapping's own is among them.
   * @kernel mm/huge_memory.c __split_huge_pmd_locked()
   */
  readonly refsOfPmdSplit: (k: Kernel, folio: Pfn, nrPages: number) => void;

  // ---- pins

  /** Counts a pin, whose reference the caller has just taken. @kernel mm/gup.c try_grab_folio() */
  readonly pinsGet: (k: Kernel, folio: Pfn) => void;
  /** The reverse. @kernel mm/gup.c gup_put_folio() */
  readonly pinsPut: (k: Kernel, folio: Pfn) => void;
  /** Pins of the folio. @kernel include/linux/mm.h folio_maybe_dma_pinned() */
  readonly pinsOf: (k: Kernel, folio: Pfn) => number;

  // ---- mappings

  /**
   * The first mapping of a new folio: by its PMD, or of each page by a PTE.
   * @kernel mm/rmap.c folio_add_new_anon_rmap()
   */
  readonly accountNew: (k: Kernel, folio: Pfn, mm: Mm, pmdMapped: boolean) => void;
  /**
   * PTEs of `mm` map `nr` pages from `page` on. Returns how many of them no PTE or PMD had mapped.
   * @kernel mm/rmap.c __folio_add_rmap()
   */
  readonly accountMapPtes: (k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm) => number;
  /** The reverse. Returns how many of the pages nothing maps any more. @kernel mm/rmap.c __folio_remove_rmap() */
  readonly accountUnmapPtes: (k: Kernel, folio: Pfn, page: Pfn, nr: number, mm: Mm) => number;
  /** A PMD of `mm` maps the folio. Returns how many pages nothing had mapped. @kernel mm/rmap.c __folio_add_rmap() */
  readonly accountMapPmd: (k: Kernel, folio: Pfn, mm: Mm) => number;
  /** The reverse. Returns how many pages nothing maps any more. @kernel mm/rmap.c __folio_remove_rmap() */
  readonly accountUnmapPmd: (k: Kernel, folio: Pfn, mm: Mm) => number;
  /** Mappings of the folio and of its pages; a PMD mapping counts one. @kernel include/linux/mm.h folio_mapcount() */
  readonly mapcountOf: (k: Kernel, folio: Pfn) => number;
  /** Mappings by PMDs, 0 for a single page. @kernel include/linux/mm.h folio_entire_mapcount() */
  readonly entireMapcountOf: (k: Kernel, folio: Pfn) => number;
  /** Pages of a large folio that PTEs map. @kernel mm/internal.h folio_nr_pages_mapped() */
  readonly pagesMappedByPtes: (k: Kernel, folio: Pfn) => number;
  /**
   * Whether more than one address space may map a folio that is mapped.
   * @kernel include/linux/mm.h folio_maybe_mapped_shared()
   */
  readonly maybeMappedShared: (k: Kernel, folio: Pfn) => boolean;

  // ---- the life of a folio

  /**
   * The folio is frozen and becomes single pages: asserts that counters which only a large one has say nothing.
   * @kernel mm/huge_memory.c __split_folio_to_order()
   */
  readonly accountSplit: (k: Kernel, folio: Pfn) => void;
  /**
   * References with which `page` begins to be a folio of its own.
   * @kernel mm/huge_memory.c __folio_freeze_and_split_unmapped()
   */
  readonly refsOfSplitPage: (k: Kernel, page: Pfn) => number;
  /**
   * Asserts of a folio that is being freed that its counters say nothing.
   * @kernel mm/page_alloc.c free_tail_page_prepare()
   */
  readonly checkFreed: (k: Kernel, folio: Pfn) => void;
  /**
   * Nothing is left of what the scheme knew of the folio, its counters apart.
   * @kernel mm/page_alloc.c free_pages_prepare()
   */
  readonly clearOwners: (k: Kernel, folio: Pfn) => void;
}
