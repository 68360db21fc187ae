/** Counters equal recounts. */
import { ENTRY_LEAF, ENTRY_MIGRATION, ENTRY_SPECIAL, mapsPage, TABLE_DEPOSITED, TABLE_LIVE, tableHoldsMappings } from "../entry.ts";
import { never, pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";
import { headsFolio } from "./page.ts";
import { entireMapcountOf, pagesMappedByPtes } from "./refcount.ts";

function writesAddressSpace(v: KernelView): boolean {
  if (pageTableLocked(v)) return true;
  for (let m = 0; m < v.mm.count; m++) if (v.mm.mmapLock.isHeld(m)) return true;
  return false;
}

function anonFolios(v: KernelView, order: number): number {
  let found = 0;
  for (let i = 0; i < v.page.count; i++) if (v.page.anon.get(i) && v.page.order.get(i) === order && headsFolio(v, i)) found++;
  return found;
}

function partiallyMappedFolios(v: KernelView, order: number): number {
  let found = 0;
  for (let i = 0; i < v.page.count; i++) if (v.page.partiallyMapped.get(i) && v.page.order.get(i) === order) found++;
  return found;
}

export const counterInvariants: readonly Invariant[] = [
  {
    id: "T8", name: "MM_ANONPAGES equals the anonymous pages mapped",
    why: "rss is what limits and the OOM killer decide by",
    source: "mm/memory.c, mm/huge_memory.c add_mm_counter(); excused under mmap_lock or a page-table lock",
    excuse: writesAddressSpace,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let m = 0; m < v.mm.count; m++) {
        let mapped = 0;
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          if ((v.mm.pmd.get(m, p) & (ENTRY_LEAF | ENTRY_SPECIAL)) === ENTRY_LEAF) mapped += h;
        }
        for (let i = 0; i < v.ptTable.count; i++) {
          if (v.ptTable.mm.get(i) !== m || !tableHoldsMappings(v.ptTable.state.get(i))) continue;
          for (let j = 0; j < h; j++) {
            const e = v.ptTable.pte.get(i, j);
            if (mapsPage(e) || (e & ENTRY_MIGRATION) !== 0) mapped++;
          }
        }
        if (v.mm.anonPages.get(m) !== mapped) {
          return { conjunct: "MM_ANONPAGES === anonymous pages mapped", values: { mm: m, counted: v.mm.anonPages.get(m), mapped } };
        }
      }
      return true;
    },
  },
  {
    id: "T2b", name: "nr_ptes equals the live and deposited tables",
    why: "check_mm() at exit: non-zero pgtables_bytes is a leak",
    source: "include/linux/mm.h mm_inc_nr_ptes()",
    excuse: writesAddressSpace,
    holds: (v) => {
      for (let m = 0; m < v.mm.count; m++) {
        let tables = 0;
        for (let i = 0; i < v.ptTable.count; i++) {
          if (v.ptTable.mm.get(i) === m && (v.ptTable.state.get(i) === TABLE_LIVE || v.ptTable.state.get(i) === TABLE_DEPOSITED)) tables++;
        }
        if (v.mm.nrPtes.get(m) !== tables) {
          return { conjunct: "nr_ptes === live + deposited tables", values: { mm: m, counted: v.mm.nrPtes.get(m), tables } };
        }
      }
      return true;
    },
  },
  {
    id: "P14", name: "nr_anon counts the anonymous folios of each size",
    why: "the administrator reads from it how much memory huge pages take",
    source: "include/linux/huge_mm.h mod_mthp_stat(MTHP_STAT_NR_ANON)",
    excuse: never,
    holds: (v) => {
      const found = anonFolios(v, v.param.hpagePmdOrder.get());
      if (found !== v.node.nrAnon.get()) {
        return { conjunct: "nr_anon === anonymous folios of PMD size", values: { counted: v.node.nrAnon.get(), found } };
      }
      for (let size = 0; size < v.thpSize.count; size++) {
        const order = v.param.minLargeOrder.get() + size;
        const smaller = anonFolios(v, order);
        if (smaller !== v.thpSize.nrAnon.get(size)) {
          const values = { order, counted: v.thpSize.nrAnon.get(size), found: smaller };
          return { conjunct: "nr_anon === anonymous folios of the size", values };
        }
      }
      return true;
    },
  },
  {
    id: "P14b", name: "nr_anon_partially_mapped counts the partially mapped folios",
    why: "it says how much memory the split queue could give back",
    source: "mm/huge_memory.c deferred_split_folio(); excused under split_queue_lock",
    excuse: (v) => v.deferredSplit.lock.isHeld(),
    holds: (v) => {
      const found = partiallyMappedFolios(v, v.param.hpagePmdOrder.get());
      if (found !== v.node.nrAnonPartiallyMapped.get()) {
        return {
          conjunct: "nr_anon_partially_mapped === partially mapped folios of PMD size",
          values: { counted: v.node.nrAnonPartiallyMapped.get(), found },
        };
      }
      for (let size = 0; size < v.thpSize.count; size++) {
        const order = v.param.minLargeOrder.get() + size;
        const smaller = partiallyMappedFolios(v, order);
        if (smaller !== v.thpSize.nrAnonPartiallyMapped.get(size)) {
          return {
            conjunct: "nr_anon_partially_mapped === partially mapped folios of the size",
            values: { order, counted: v.thpSize.nrAnonPartiallyMapped.get(size), found: smaller },
          };
        }
      }
      return true;
    },
  },
  {
    id: "P14c", name: "NR_ANON_MAPPED and NR_ANON_THPS equal the mapped pages",
    why: "/proc/meminfo shows them as AnonPages and AnonHugePages",
    source: "mm/rmap.c __folio_mod_stat(); excused under a page-table lock",
    excuse: pageTableLocked,
    holds: (v) => {
      let mapped = 0;
      let thps = 0;
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.head.get(i) >= 0 || v.page.buddy.get(i)) continue;
        const large = v.page.order.get(i) > 0;
        if (large && entireMapcountOf(v, i) > 0) {
          thps += 1 << v.page.order.get(i);
          mapped += 1 << v.page.order.get(i);
        } else mapped += large ? pagesMappedByPtes(v, i) : Math.min(1, v.page.mapcount.get(i) + 1);
      }
      if (mapped !== v.node.anonMapped.get()) {
        return { conjunct: "NR_ANON_MAPPED === pages that are mapped", values: { counted: v.node.anonMapped.get(), mapped } };
      }
      if (thps === v.node.anonThps.get()) return true;
      return { conjunct: "NR_ANON_THPS === pages of folios that a PMD maps", values: { counted: v.node.anonThps.get(), thps } };
    },
  },
  {
    id: "B2", name: "free blocks are aligned and merged with their buddies",
    why: "a block that is not merged is a huge page that nobody can allocate",
    source: "mm/page_alloc.c __free_one_page(); excused under zone->lock",
    excuse: (v) => v.zone.lock.isHeld(),
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (!v.page.buddy.get(i)) continue;
        const order = v.page.order.get(i);
        if (i % (1 << order) !== 0) return { conjunct: "a free block begins at a multiple of its size", values: { page: i, order } };
        for (let j = 1; j < 1 << order; j++) {
          if (v.page.buddy.get(i + j)) return { conjunct: "free blocks do not overlap", values: { page: i, other: i + j } };
        }
        const buddy = i ^ (1 << order);
        if (order < v.param.hpagePmdOrder.get() && v.page.buddy.get(buddy) && v.page.order.get(buddy) === order) {
          return { conjunct: "no free block has a free buddy", values: { page: i, buddy, order } };
        }
      }
      return true;
    },
  },
  {
    id: "B1", name: "NR_FREE_PAGES equals the pages of the free blocks",
    why: "pages are neither lost nor counted twice",
    source: "mm/page_alloc.c __free_one_page()",
    excuse: (v) => v.zone.lock.isHeld(),
    holds: (v) => {
      let free = 0;
      for (let i = 0; i < v.page.count; i++) if (v.page.buddy.get(i)) free += 1 << v.page.order.get(i);
      if (free === v.zone.freePages.get()) return true;
      return { conjunct: "NR_FREE_PAGES === pages of free blocks", values: { counted: v.zone.freePages.get(), free } };
    },
  },
];
