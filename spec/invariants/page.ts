/** Pages and their lives: free pages are free of everything, and nothing maps them. */
import { mapsHugePage, mapsPage, TABLE_LIVE, target } from "../entry.ts";
import { never, pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

/** In the buddy allocator: part of a block on a free list, or on its way there. Freed frames hold poison. */
function isFree(v: KernelView, pfn: number): boolean {
  return v.page.content.get(pfn) === v.param.contents.get();
}

export const pageInvariants: readonly Invariant[] = [
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
          if (mapsPage(e) && isFree(v, target(e))) return { conjunct: "no PTE maps a free page", values: { table: i, pte: j, page: target(e) } };
        }
      }
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if (mapsHugePage(e) && isFree(v, target(e))) return { conjunct: "no PMD maps a free page", values: { mm: m, pmd: p, page: target(e) } };
        }
      }
      for (let c = 0; c < v.cpu.count; c++) {
        for (let a = 0; a < v.param.vpnMax.get(); a++) {
          const e = v.cpu.tlb.get(c, a);
          if (e !== 0 && mapsPage(e) && isFree(v, target(e))) return { conjunct: "no TLB entry reaches a free page", values: { cpu: c, address: a, page: target(e) } };
        }
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.cpu.tlbHuge.get(c, p);
          if (e !== 0 && mapsHugePage(e) && isFree(v, target(e))) return { conjunct: "no huge TLB entry reaches a free page", values: { cpu: c, pmd: p, page: target(e) } };
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
        if (v.page.refcount.get(i) !== 0 || v.page.mapcount.get(i) !== -1 || v.page.pincount.get(i) !== 0 || v.page.mapping.get(i) !== -1 || v.page.lru.get(i) || v.page.deferred.get(i) || v.page.lock.isHeld(i)) {
          return { conjunct: "a free block is unreferenced, unmapped, unlocked, off the LRU and off the split queue", values: { page: i, refcount: v.page.refcount.get(i), mapcount: v.page.mapcount.get(i) } };
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
        if (v.page.head.get(i) >= 0 && v.page.refcount.get(i) !== 0) return { conjunct: "tail refcount is 0", values: { page: i, head: v.page.head.get(i), refcount: v.page.refcount.get(i) } };
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
        const mappings = v.page.order.get(i) > 0 ? v.page.largeMapcount.get(i) + 1 : v.page.mapcount.get(i) + 1;
        if (v.page.refcount.get(i) < mappings) return { conjunct: "refcount >= mappings", values: { folio: i, refcount: v.page.refcount.get(i), mappings } };
      }
      return true;
    },
  },
];
