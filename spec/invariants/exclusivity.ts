/** Exclusivity: who may write to a page in place. X1 is in `page-table.ts`. */
import { ENTRY_MIGRATION, ENTRY_PRESENT, ENTRY_WRITE, mapsHugePage, mapsPage, TABLE_LIVE, tableHoldsMappings, target } from "../entry.ts";
import { pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";
import { entireMapcountOf, maybeShared } from "./refcount.ts";

/** Leaf entries that map the page, by the folio's own counts. */
function mappingsOfPage(v: KernelView, page: number): number {
  const head = v.page.head.get(page);
  const folio = head < 0 ? page : head;
  return v.page.mapcount.get(page) + 1 + (v.page.order.get(folio) > 0 ? entireMapcountOf(v, folio) : 0);
}

/** PageAnonExclusive: of a PMD mapping it is the head's. */
function isExclusive(v: KernelView, page: number): boolean {
  const head = v.page.head.get(page);
  return v.page.anonExclusive.get(page) || (head >= 0 && entireMapcountOf(v, head) > 0 && v.page.anonExclusive.get(head));
}

/** Whether a page table of the address space maps a page of the large folio. */
function mapsFolio(v: KernelView, mm: number, folio: number, pages: number): boolean {
  for (let p = 0; p < v.param.hugeRanges.get(); p++) {
    const e = v.mm.pmd.get(mm, p);
    if (mapsHugePage(e) && target(e) === folio) return true;
  }
  for (let i = 0; i < v.ptTable.count; i++) {
    if (v.ptTable.mm.get(i) !== mm || !tableHoldsMappings(v.ptTable.state.get(i))) continue;
    for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
      const e = v.ptTable.pte.get(i, j);
      if (mapsPage(e) && target(e) >= folio && target(e) < folio + pages) return true;
    }
  }
  return false;
}

export const exclusivityInvariants: readonly Invariant[] = [
  {
    id: "X2", name: "what is exclusive is mapped once",
    why: "what is exclusive may be written in place and pinned: a second mapping would see what the first one writes",
    source: "include/linux/page-flags.h PageAnonExclusive; excused under a page-table lock, where fork shares a page and a PMD is split",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.anonExclusive.get(i) && mappingsOfPage(v, i) > 1) {
          return { conjunct: "an exclusive page has at most one mapping", values: { page: i, mappings: mappingsOfPage(v, i) } };
        }
      }
      return true;
    },
  },
  {
    id: "X4", name: "no page is writable in two places",
    why: "fork promises each process a memory of its own",
    source: "mm/memory.c copy_present_ptes(): write-protects the parent; excused under a page-table lock",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.ptTable.count; i++) {
        if (v.ptTable.state.get(i) !== TABLE_LIVE) continue;
        for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
          const e = v.ptTable.pte.get(i, j);
          if (mapsPage(e) &&
            (e & (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_MIGRATION)) === (ENTRY_PRESENT | ENTRY_WRITE) &&
            mappingsOfPage(v, target(e)) > 1) {
            return {
              conjunct: "a page that a writable PTE maps is mapped once",
              values: { table: i, pte: j, page: target(e), mappings: mappingsOfPage(v, target(e)) },
            };
          }
        }
      }
      for (let m = 0; m < v.mm.count; m++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if (mapsHugePage(e) && (e & (ENTRY_PRESENT | ENTRY_WRITE)) === (ENTRY_PRESENT | ENTRY_WRITE) &&
            mappingsOfPage(v, target(e)) > 1) {
            return {
              conjunct: "a folio that a writable PMD maps is mapped once",
              values: { mm: m, pmd: p, folio: target(e), mappings: mappingsOfPage(v, target(e)) },
            };
          }
        }
      }
      return true;
    },
  },
  {
    id: "X8", name: "nobody can store to a page that another process maps, by a translation or a pin",
    why:
      "secrecy after fork: neither side ever reads what the other stores later. X4 says so of page-table entries; a CPU that " +
      "has the entry from before the fork, and a device that has the page pinned, do not ask these",
    source:
      "kernel/fork.c dup_mmap(): flush_tlb_mm() under mmap_lock; include/linux/rmap.h folio_try_dup_anon_rmap_ptes(): a page " +
      "that may be pinned is copied; excused under a page-table lock, and of translations, per address space, under mmap_lock",
    excuse: pageTableLocked,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let c = 0; c < v.cpu.count; c++) {
        for (let i = 0; i < v.cpu.pinned.length; i++) {
          const page = v.cpu.pinned.get(c, i);
          if (page < 0) continue;
          const mappings = mappingsOfPage(v, page);
          if (mappings > 1) return { conjunct: "a pinned page has at most one mapping", values: { cpu: c, page, mappings } };
          if (mappings === 1 && !isExclusive(v, page)) {
            return { conjunct: "a pinned page that is mapped is exclusive", values: { cpu: c, page } };
          }
        }
        const mm = v.cpu.mm.get(c);
        if (mm < 0 || v.mm.mmapLock.isHeld(mm)) continue;
        for (let a = 0; a < v.param.vpnMax.get(); a++) {
          const huge = v.cpu.tlbHuge.get(c, Math.floor(a / h));
          const cached = huge === 0 ? v.cpu.tlb.get(c, a) : huge;
          if ((cached & ENTRY_WRITE) === 0) continue;
          const page = target(cached) + (huge === 0 ? 0 : a % h);
          const mappings = mappingsOfPage(v, page);
          if (mappings > 1) {
            const values = { cpu: c, address: a, page, mappings };
            return { conjunct: "a page with a writable translation has at most one mapping", values };
          }
        }
      }
      return true;
    },
  },
  {
    id: "X6", name: "a large folio that is not maybe shared is mapped by one address space",
    why: "reuse after fork and the limits of khugepaged trust it: it may say shared of what is not, never the reverse",
    source: "include/linux/rmap.h folio_maybe_mapped_shared(), _mm_ids; excused under a page-table lock",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.order.get(i) === 0 || v.page.head.get(i) >= 0 || v.page.buddy.get(i) || maybeShared(v, i)) continue;
        let mms = 0;
        for (let m = 0; m < v.mm.count; m++) if (mapsFolio(v, m, i, 1 << v.page.order.get(i))) mms++;
        if (mms > 1) return { conjunct: "at most one address space maps it", values: { folio: i, mms } };
      }
      return true;
    },
  },
];
