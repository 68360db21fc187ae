/** Pages and their lives: free pages are free of everything, and nothing maps them. */
import { mapsHugePage, mapsPage, TABLE_LIVE, target } from "../entry.ts";
import { never, pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";
import { entireMapcountOf, mapcountOf, pagesMappedByPtes, pinsOf } from "./refcount.ts";

/** In the buddy allocator: part of a block on a free list, or on its way there. Freed frames hold poison. */
function isFree(v: KernelView, pfn: number): boolean {
  return v.page.content.get(pfn) === v.param.contents.get();
}

/** Part of a block on a free list. */
export function inFreeBlock(v: KernelView, pfn: number): boolean {
  for (let order = 0; order <= v.param.hpagePmdOrder.get(); order++) {
    const block = pfn - (pfn % (1 << order));
    if (v.page.buddy.get(block) && v.page.order.get(block) >= order) return true;
  }
  return false;
}

/** Heads a folio in use: neither a tail nor part of a free block. */
export function headsFolio(v: KernelView, pfn: number): boolean {
  return v.page.head.get(pfn) < 0 && !inFreeBlock(v, pfn);
}

/** A folio that a fault has read from swap: it is nobody's before it is mapped for the first time. */
function isSwappedIn(v: KernelView, folio: number): boolean {
  return v.param.swapSlots.get() > 0 && !v.page.anon.get(folio) && v.page.mapping.get(folio) < 0 && mapcountOf(v, folio) === 0;
}

export const pageInvariants: readonly Invariant[] = [
  {
    id: "P1", name: "who has no reference is mapped and pinned by nobody, and a free page has none",
    why: "the count decides when a folio is freed, and whether a lockless walker may still take it",
    source: "include/linux/page_ref.h: 0 is free, frozen, or on the way to the allocator",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.head.get(i) >= 0) continue;
        if (v.page.refcount.get(i) > 0) {
          if (inFreeBlock(v, i)) {
            return { conjunct: "no page of a free block has references", values: { page: i, refcount: v.page.refcount.get(i) } };
          }
        } else if (mapcountOf(v, i) > 0 || pinsOf(v, i) > 0) {
          const values = { folio: i, mappings: mapcountOf(v, i), pins: pinsOf(v, i) };
          return { conjunct: "a folio without references is neither mapped nor pinned", values };
        }
      }
      return true;
    },
  },
  {
    id: "P12", name: "only large folios in use are on the split queue or partially mapped",
    why: "the shrinker follows the list to whatever the frame is by then",
    source: "mm/huge_memory.c folio_unqueue_deferred_split(): before a folio is freed or split",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (!v.page.deferred.get(i) && !v.page.partiallyMapped.get(i)) continue;
        if (v.page.order.get(i) === 0 || !headsFolio(v, i)) {
          return {
            conjunct: "a queued or partially mapped page heads a large folio",
            values: { page: i, order: v.page.order.get(i), head: v.page.head.get(i) },
          };
        }
      }
      return true;
    },
  },
  {
    id: "P21", name: "a folio that is mapped in part is on the split queue, unless somebody holds a reference to it",
    why:
      "its unmapped pages are lost until it is split, and only the queue leads there. By the mapping counts, since the flag " +
      "PG_partially_mapped is set in the same breath as the folio is queued, and would be wrong with it",
    source:
      "mm/rmap.c __folio_remove_rmap(): deferred_split_folio(); excused under a page-table lock, under which both happen. Who takes " +
      "it off the queue has a reference: mm/huge_memory.c deferred_split_scan(), which queues it again if it cannot split it, " +
      "and the split itself. Not promised of a folio that lost a mapping amid a split that failed, while others were migration " +
      "entries: mm/memory.c zap_nonpresent_ptes() does not look, __folio_remove_rmap() sees no page that is mapped still, and " +
      "remap_page() maps the rest without a look (impl/huge-memory/unmapped-in-split.ts)",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.order.get(i) === 0 || !headsFolio(v, i)) continue;
        if (v.page.deferred.get(i) || v.deferredSplit.unmappedInSplit.get(i >> 1)) continue;
        const mapped = pagesMappedByPtes(v, i);
        if (mapped === 0 || mapped === 1 << v.page.order.get(i) || entireMapcountOf(v, i) > 0) continue;
        if (v.page.refcount.get(i) <= mapcountOf(v, i)) {
          return { conjunct: "a partially mapped folio that only its mappings refer to is queued", values: { folio: i, mapped } };
        }
      }
      return true;
    },
  },
  {
    id: "mthp.M1", name: "a large folio begins at a multiple of its size, and an anonymous one has a size that there is",
    why: "masks of frame numbers and of addresses lead from a page to its folio, and gauges and queues have no place for other sizes",
    source: "include/linux/huge_mm.h THP_ORDERS_ALL_ANON; mm/page_alloc.c __rmqueue_smallest(): blocks are aligned",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        const order = v.page.order.get(i);
        if (order === 0 || !headsFolio(v, i)) continue;
        if (v.page.anon.get(i) && order < v.param.minLargeOrder.get()) {
          return { conjunct: "there are anonymous folios of this order", values: { folio: i, order } };
        }
        if (i % (1 << order) !== 0) return { conjunct: "a folio begins at a multiple of its size", values: { folio: i, order } };
      }
      return true;
    },
  },
  {
    id: "P15", name: "a mapped folio has an anon_vma that exists",
    why: "reverse-map walks begin there: without it nobody can find, migrate or split the folio",
    source: "mm/rmap.c __folio_set_anon(), folio_get_anon_vma()",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (!headsFolio(v, i) || mapcountOf(v, i) === 0) continue;
        const mapping = v.page.mapping.get(i);
        if (!v.page.anon.get(i) || mapping < 0) {
          return { conjunct: "a mapped folio is anonymous and has an anon_vma", values: { folio: i, mapping } };
        }
        if (v.anonVma.refcount.get(mapping) === 0) return { conjunct: "its anon_vma is not free", values: { folio: i, mapping } };
      }
      return true;
    },
  },
  {
    id: "S4", name: "every page belongs to one folio or to one free block",
    why: "a split or a free that leaves a page to nobody, or to two, loses memory or hands it out twice",
    source: "mm/huge_memory.c __split_folio_to_order(); mm/page_alloc.c prep_compound_page()",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        const head = v.page.head.get(i);
        // A thread that has a folio to itself is making it, splitting it or freeing it, page by page.
        if (head < 0 || v.page.owner.get(head) >= 0) continue;
        if (v.page.head.get(head) >= 0 || v.page.order.get(head) === 0 || i <= head || i >= head + (1 << v.page.order.get(head))) {
          return {
            conjunct: "the head of a tail page heads a folio that contains it",
            values: { page: i, head, order: v.page.order.get(head) },
          };
        }
        if (inFreeBlock(v, i)) return { conjunct: "a tail page is not free", values: { page: i, head } };
      }
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.head.get(i) >= 0 || v.page.order.get(i) === 0 || v.page.buddy.get(i) || v.page.owner.get(i) >= 0) continue;
        for (let j = 1; j < 1 << v.page.order.get(i); j++) {
          if (v.page.head.get(i + j) !== i) {
            return { conjunct: "every page of a folio names its head", values: { folio: i, page: i + j, head: v.page.head.get(i + j) } };
          }
        }
      }
      return true;
    },
  },
  {
    id: "P11", name: "the LRU's counts equal its folios",
    why: "reclaim decides by them what to scan, and the OOM killer whether there is anything left",
    source: "include/linux/mm_inline.h lruvec_add_folio(), lruvec_del_folio(); excused under lru_lock",
    excuse: (v) => v.lruvec.lock.isHeld(),
    holds: (v) => {
      let anon = 0;
      let file = 0;
      for (let i = 0; i < v.page.count; i++) {
        if (!v.page.lru.get(i)) continue;
        if (v.page.swapbacked.get(i)) anon += 1 << v.page.order.get(i);
        else file += 1 << v.page.order.get(i);
      }
      if (anon !== v.lruvec.anonPages.get()) {
        return {
          conjunct: "NR_INACTIVE_ANON + NR_ACTIVE_ANON === pages of swapbacked folios on the LRU",
          values: { counted: v.lruvec.anonPages.get(), anon },
        };
      }
      if (file === v.lruvec.filePages.get()) return true;
      return { conjunct: "NR_INACTIVE_FILE === pages of lazyfree folios on the LRU", values: { counted: v.lruvec.filePages.get(), file } };
    },
  },
  {
    id: "P17", name: "a folio on the LRU has its owner and place",
    why: "who finds a frame by its number and gets a reference goes by them: to the reverse map, or to another folio's memory",
    source: "mm/huge_memory.c __split_folio_to_order(): mapping and index of a tail are written before its reference count is " +
      "unfrozen. Not of what a fault has read from swap and not mapped: it is nobody's yet, or never is",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (isSwappedIn(v, i)) continue;
        if (v.page.lru.get(i) && (!v.page.anon.get(i) || v.page.mapping.get(i) < 0)) {
          return { conjunct: "a folio on the LRU is anonymous and has an anon_vma", values: { folio: i, mapping: v.page.mapping.get(i) } };
        }
      }
      return true;
    },
  },
  {
    id: "P18", name: "mapped memory has been written to",
    why: "a page comes from the allocator with what its former owner left there",
    source: "mm/khugepaged.c __collapse_huge_page_copy(): clear_user_highpage() where there is no source; mm/memory.c folio_zero_user()",
    excuse: never,
    holds: (v) => {
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if (!mapsHugePage(e) || inFreeBlock(v, target(e))) continue;
          for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
            if (isFree(v, target(e) + j)) {
              return {
                conjunct: "each page of a huge page that is mapped has been zeroed or copied to",
                values: { mm: m, pmd: p, page: target(e) + j },
              };
            }
          }
        }
      }
      return true;
    },
  },
  {
    id: "P19", name: "the huge zero page holds zeroes",
    why: "every process that has not written to its memory reads it",
    source: "mm/huge_memory.c get_huge_zero_folio(); mm/gup.c can_follow_write_pmd()",
    excuse: never,
    holds: (v) => {
      const zero = v.hugeZero.page.get();
      if (zero < 0) return true;
      for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
        if (v.page.content.get(zero + j) !== 0) {
          return { conjunct: "its pages are zero-filled", values: { page: zero + j, content: v.page.content.get(zero + j) } };
        }
      }
      return true;
    },
  },
  {
    id: "P23", name: "the huge zero folio is told by its number",
    why: "a PMD that maps it has no counts: who takes it for any other folio takes away a mapping and a reference that nobody had",
    source: "mm/huge_memory.c get_huge_zero_folio(), shrink_huge_zero_folio_scan(): huge_zero_pfn, under huge_zero_lock",
    excuse: never,
    holds: (v) => {
      if (v.hugeZeroWords.count === 0 || v.hugeZero.refcount.get() === 0) return true;
      return v.hugeZeroWords.pfn.get(0) === v.hugeZero.page.get() ? true : {
        conjunct: "huge_zero_refcount > 0: huge_zero_pfn is the number of huge_zero_folio",
        values: { pfn: v.hugeZeroWords.pfn.get(0), folio: v.hugeZero.page.get() },
      };
    },
  },
  {
    id: "P8", name: "no page is both free and mapped",
    why: "a process that can reach a free page reads and writes whoever gets it next: the safety property of memory management",
    source: "mm/mmu_gather.c: pages are freed only after the TLB flush",
    excuse: never,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let i = 0; i < v.ptTable.count; i++) {
        if (v.ptTable.state.get(i) !== TABLE_LIVE) continue;
        for (let j = 0; j < h; j++) {
          const e = v.ptTable.pte.get(i, j);
          if (mapsPage(e) && isFree(v, target(e))) {
            return { conjunct: "no PTE maps a free page", values: { table: i, pte: j, page: target(e) } };
          }
        }
      }
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if (mapsHugePage(e) && isFree(v, target(e))) {
            return { conjunct: "no PMD maps a free page", values: { mm: m, pmd: p, page: target(e) } };
          }
        }
      }
      for (let c = 0; c < v.cpu.count; c++) {
        for (let a = 0; a < v.param.vpnMax.get(); a++) {
          const e = v.cpu.tlb.get(c, a);
          if (e !== 0 && mapsPage(e) && isFree(v, target(e))) {
            return { conjunct: "no TLB entry reaches a free page", values: { cpu: c, address: a, page: target(e) } };
          }
        }
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.cpu.tlbHuge.get(c, p);
          if (e !== 0 && mapsHugePage(e) && isFree(v, target(e))) {
            return { conjunct: "no huge TLB entry reaches a free page", values: { cpu: c, pmd: p, page: target(e) } };
          }
        }
      }
      return true;
    },
  },
  {
    id: "P9", name: "a free page has no state left",
    why: "free_pages_check(): what is left over belongs to the next owner",
    source: "mm/page_alloc.c free_page_is_bad()",
    excuse: (v) => v.zone.lock.isHeld(),
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (!v.page.buddy.get(i)) continue;
        const counted = v.page.refcount.get(i) !== 0 || v.page.mapcount.get(i) !== -1 || pinsOf(v, i) !== 0;
        if (counted || v.page.mapping.get(i) !== -1 || v.page.lru.get(i) || v.page.deferred.get(i) || v.page.lock.isHeld(i)) {
          return {
            conjunct: "a free block is unreferenced, unmapped, unlocked, off the LRU and off the split queue",
            values: { page: i, refcount: v.page.refcount.get(i), mapcount: v.page.mapcount.get(i) },
          };
        }
      }
      return true;
    },
  },
  {
    id: "P3", name: "tail pages have no references of their own",
    why: "references of a compound page are counted on its head alone",
    source: "Documentation/mm/transhuge.rst: get_page() on tails goes to the head",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.head.get(i) >= 0 && v.page.refcount.get(i) !== 0) {
          return { conjunct: "tail refcount is 0", values: { page: i, head: v.page.head.get(i), refcount: v.page.refcount.get(i) } };
        }
      }
      return true;
    },
  },
  {
    id: "P7", name: "a folio has at least as many references as mappings",
    why: "each mapping holds a reference; fewer would free a mapped page",
    source: "mm/rmap.c; excused under a page-table lock, where a mapping is added or removed in two steps",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.buddy.get(i) || v.page.head.get(i) >= 0) continue;
        const mappings = mapcountOf(v, i);
        if (v.page.refcount.get(i) < mappings) {
          return { conjunct: "refcount >= mappings", values: { folio: i, refcount: v.page.refcount.get(i), mappings } };
        }
      }
      return true;
    },
  },
];
