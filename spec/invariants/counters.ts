/** Counters equal recounts. */
import { ENTRY_LEAF, ENTRY_MIGRATION, ENTRY_SPECIAL, mapsPage, TABLE_DEPOSITED, TABLE_LIVE, tableHoldsMappings } from "../entry.ts";
import { pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

function writesAddressSpace(v: KernelView): boolean {
  if (pageTableLocked(v)) return true;
  for (let m = 0; m < v.mm.count; m++) if (v.mm.mmapLock.isHeld(m)) return true;
  return false;
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
        for (let p = 0; p < v.param.hugeRanges.get(); p++) if ((v.mm.pmd.get(m, p) & (ENTRY_LEAF | ENTRY_SPECIAL)) === ENTRY_LEAF) mapped += h;
        for (let i = 0; i < v.ptTable.count; i++) {
          if (v.ptTable.mm.get(i) !== m || !tableHoldsMappings(v.ptTable.state.get(i))) continue;
          for (let j = 0; j < h; j++) {
            const e = v.ptTable.pte.get(i, j);
            if (mapsPage(e) || (e & ENTRY_MIGRATION) !== 0) mapped++;
          }
        }
        if (v.mm.anonPages.get(m) !== mapped) return { conjunct: "MM_ANONPAGES === anonymous pages mapped", values: { mm: m, counted: v.mm.anonPages.get(m), mapped } };
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
        if (v.mm.nrPtes.get(m) !== tables) return { conjunct: "nr_ptes === live + deposited tables", values: { mm: m, counted: v.mm.nrPtes.get(m), tables } };
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
      return free === v.zone.freePages.get() ? true : { conjunct: "NR_FREE_PAGES === pages of free blocks", values: { counted: v.zone.freePages.get(), free } };
    },
  },
  {
    id: "D3", name: "the split queue's length equals its members",
    why: "the shrinker reports it to reclaim",
    source: "mm/huge_memory.c deferred_split_folio()",
    excuse: (v) => v.deferredSplit.lock.isHeld(),
    holds: (v) => {
      let queued = 0;
      for (let i = 0; i < v.page.count; i++) if (v.page.deferred.get(i)) queued++;
      return queued === v.deferredSplit.length.get() ? true : { conjunct: "split_queue_len === folios on the queue", values: { counted: v.deferredSplit.length.get(), queued } };
    },
  },
];
