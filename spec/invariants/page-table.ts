/** Page tables: huge entries inside their VMA, deposited tables paired with huge entries, tables reached once. */
import {
  ENTRY_LEAF, ENTRY_MIGRATION, ENTRY_PRESENT, ENTRY_PROTNONE, ENTRY_SPECIAL, ENTRY_WRITE, mapsHugePage, mapsPage,
  pointsToTable, TABLE_DEPOSITED, TABLE_LIVE, target,
} from "../entry.ts";
import { never, pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

/** A VMA of `mm` contains the pages start..end - 1. A detached VMA still owns what its munmap has not zapped yet. */
function insideOneVma(v: KernelView, mm: number, start: number, end: number): boolean {
  for (let i = 0; i < v.vma.count; i++) {
    if (v.vma.mm.get(i) === mm && v.vma.start.get(i) <= start && v.vma.end.get(i) >= end) return true;
  }
  return false;
}

export const pageTableInvariants: readonly Invariant[] = [
  {
    id: "T1", name: "no huge PMD outside VMA bounds",
    why: "unmap, mprotect and fork of the VMA would leave or touch half of a huge page",
    source: "mm/huge_memory.c vma_adjust_trans_huge(): the split precedes every change of a boundary",
    excuse: never,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          if ((v.mm.pmd.get(m, p) & ENTRY_LEAF) !== 0 && !insideOneVma(v, m, p * h, (p + 1) * h)) {
            return { conjunct: "the range of a huge PMD lies inside one VMA", values: { mm: m, pmd: p } };
          }
        }
      }
      return true;
    },
  },
  {
    id: "T2", name: "one deposited table for each huge PMD",
    why: "splitting a huge PMD must not allocate: the table it needs was put aside when the PMD was made",
    source: "mm/pgtable-generic.c pgtable_trans_huge_deposit()",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let m = 0; m < v.mm.count; m++) {
        for (let page = 0; page * v.param.pmdsPerPage.get() < v.param.hugeRanges.get(); page++) {
          let huge = 0;
          const end = Math.min(v.param.hugeRanges.get(), (page + 1) * v.param.pmdsPerPage.get());
          for (let p = page * v.param.pmdsPerPage.get(); p < end; p++) if ((v.mm.pmd.get(m, p) & ENTRY_LEAF) !== 0) huge++;
          let deposited = 0;
          for (let i = 0; i < v.ptTable.count; i++) {
            if (v.ptTable.state.get(i) === TABLE_DEPOSITED && v.ptTable.mm.get(i) === m && v.ptTable.pmdPage.get(i) === page) deposited++;
          }
          if (huge !== deposited) {
            return { conjunct: "in each page of PMDs, huge PMDs === deposited tables", values: { mm: m, page, huge, deposited } };
          }
        }
      }
      return true;
    },
  },
  {
    id: "T2a", name: "a huge PMD is visible only while its table is deposited",
    why: "who reads the PMD without its lock looks for the deposit next, as a hash fault of powerpc does",
    source:
      "mm/huge_memory.c: pgtable_trans_huge_deposit() before set_pmd_at(), the entry cleared or invalidated before " +
      "pgtable_trans_huge_withdraw()",
    excuse: never,
    holds: (v) => {
      for (let m = 0; m < v.mm.count; m++) {
        let visible = 0;
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if ((e & ENTRY_LEAF) !== 0 && (e & (ENTRY_PRESENT | ENTRY_PROTNONE)) !== 0) visible++;
        }
        let deposited = 0;
        for (let i = 0; i < v.ptTable.count; i++) if (v.ptTable.state.get(i) === TABLE_DEPOSITED && v.ptTable.mm.get(i) === m) deposited++;
        if (visible > deposited) {
          return { conjunct: "huge PMDs that the hardware may use <= deposited tables", values: { mm: m, visible, deposited } };
        }
      }
      return true;
    },
  },
  {
    id: "T7", name: "a PMD points to a live table of its own mm, and no two to the same",
    why: "a freed or shared table would be read and written by strangers",
    source: "mm/memory.c pmd_install(), free_pgtables()",
    excuse: never,
    holds: (v) => {
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if (!pointsToTable(e)) continue;
          const table = target(e);
          if (v.ptTable.state.get(table) !== TABLE_LIVE || v.ptTable.mm.get(table) !== m) {
            return {
              conjunct: "the table is live and belongs to the mm",
              values: { mm: m, pmd: p, table, state: v.ptTable.state.get(table) },
            };
          }
          for (let q = 0; q < p; q++) {
            const other = v.mm.pmd.get(m, q);
            if (pointsToTable(other) && target(other) === table) {
              return { conjunct: "each table is reached once", values: { mm: m, pmd: p, other: q, table } };
            }
          }
        }
      }
      return true;
    },
  },
  {
    id: "T9", name: "the zero pages are never writable",
    why: "they are shared by everybody",
    source: "mm/memory.c do_anonymous_page(), mm/huge_memory.c set_huge_zero_folio()",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.ptTable.count; i++) {
        for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
          const e = v.ptTable.pte.get(i, j);
          if ((e & ENTRY_SPECIAL) !== 0 && (e & ENTRY_WRITE) !== 0) {
            return { conjunct: "a zero PTE is read-only", values: { table: i, pte: j } };
          }
        }
      }
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if ((e & ENTRY_SPECIAL) !== 0 && (e & ENTRY_WRITE) !== 0) {
            return { conjunct: "a huge zero PMD is read-only", values: { mm: m, pmd: p } };
          }
        }
      }
      return true;
    },
  },
  {
    id: "T11", name: "a migration entry stands for a locked folio",
    why: "whoever meets the entry waits for that lock; one that nobody holds was forgotten by the walk that should have restored it",
    source: "include/linux/swapops.h pfn_swap_entry_folio(): BUG_ON",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.ptTable.count; i++) {
        for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
          const e = v.ptTable.pte.get(i, j);
          if ((e & ENTRY_MIGRATION) === 0) continue;
          const head = v.page.head.get(target(e));
          const folio = head < 0 ? target(e) : head;
          if (!v.page.lock.isHeld(folio)) {
            return { conjunct: "the folio behind a migration entry is locked", values: { table: i, pte: j, folio } };
          }
        }
      }
      return true;
    },
  },
  {
    id: "X1", name: "a writable anonymous mapping is exclusive",
    why: "copy-on-write: a page that someone else maps must not be written in place",
    source: "include/linux/page-flags.h PageAnonExclusive",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.ptTable.count; i++) {
        if (v.ptTable.state.get(i) !== TABLE_LIVE) continue;
        for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
          const e = v.ptTable.pte.get(i, j);
          if (mapsPage(e) && (e & (ENTRY_WRITE | ENTRY_MIGRATION)) === ENTRY_WRITE && !v.page.anonExclusive.get(target(e))) {
            return { conjunct: "a writable PTE maps an exclusive page", values: { table: i, pte: j, page: target(e) } };
          }
        }
      }
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if (mapsHugePage(e) && (e & ENTRY_WRITE) !== 0 && !v.page.anonExclusive.get(target(e))) {
            return { conjunct: "a writable PMD maps an exclusive folio", values: { mm: m, pmd: p, folio: target(e) } };
          }
        }
      }
      return true;
    },
  },
];
