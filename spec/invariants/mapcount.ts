/** Mapcount sums: what a folio says of its mappings is what the page tables say. */
import { mapsHugePage, mapsPage, tableHoldsMappings, target } from "../entry.ts";
import { never, pageTableLocked, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";
import { entireMapcountOf, mapcountOf, pagesMappedByPtes } from "./refcount.ts";

/** Present PTEs that map `page`, in live tables and in tables that an operation holds apart. */
function pteMappings(v: KernelView, page: number): number {
  let n = 0;
  for (let i = 0; i < v.ptTable.count; i++) {
    if (!tableHoldsMappings(v.ptTable.state.get(i))) continue;
    for (let j = 0; j < v.param.hpagePmdNr.get(); j++) {
      const e = v.ptTable.pte.get(i, j);
      if (mapsPage(e) && target(e) === page) n++;
    }
  }
  return n;
}

function pmdMappings(v: KernelView, folio: number): number {
  let n = 0;
  for (let m = 0; m < v.mm.count; m++) {
    for (let p = 0; p < v.param.hugeRanges.get(); p++) {
      const e = v.mm.pmd.get(m, p);
      if (mapsHugePage(e) && target(e) === folio) n++;
    }
  }
  return n;
}

export const mapcountInvariants: readonly Invariant[] = [
  {
    id: "P6", name: "_mapcount counts the PTEs that map the page",
    why: "reuse, reclaim and split decide by it",
    source: "Documentation/mm/transhuge.rst, mapcount accounting; mm/rmap.c",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        const counted = v.page.mapcount.get(i) + 1;
        const found = pteMappings(v, i);
        if (counted !== found) return { conjunct: "_mapcount + 1 === PTEs that map the page", values: { page: i, counted, found } };
      }
      return true;
    },
  },
  {
    id: "P6b", name: "_nr_pages_mapped counts the pages that PTEs map",
    why: "whether a folio has become partially mapped is computed from it",
    source: "mm/rmap.c __folio_add_rmap(), __folio_remove_rmap()",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.order.get(i) === 0 || v.page.head.get(i) >= 0 || v.page.buddy.get(i)) continue;
        let found = 0;
        for (let j = 0; j < 1 << v.page.order.get(i); j++) if (v.page.mapcount.get(i + j) >= 0) found++;
        const counted = pagesMappedByPtes(v, i);
        if (counted !== found) return { conjunct: "_nr_pages_mapped === pages with a PTE mapping", values: { folio: i, counted, found } };
      }
      return true;
    },
  },
  {
    id: "P5", name: "_entire_mapcount counts the PMDs that map the folio",
    why: "the last PMD mapping ends the folio's life as a huge mapping",
    source: "Documentation/mm/transhuge.rst; mm/rmap.c",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        const counted = entireMapcountOf(v, i);
        const found = pmdMappings(v, i);
        if (counted !== found) {
          return { conjunct: "_entire_mapcount + 1 === PMDs that map the folio", values: { folio: i, counted, found } };
        }
      }
      return true;
    },
  },
  {
    id: "P4", name: "mapcount sums: _large_mapcount counts every mapping of the folio",
    why: "the expected reference count, and with it split and collapse, is computed from it",
    source: "Documentation/mm/transhuge.rst; mm/rmap.c folio_mapcount()",
    excuse: pageTableLocked,
    holds: (v) => {
      for (let i = 0; i < v.page.count; i++) {
        if (v.page.order.get(i) === 0 || v.page.head.get(i) >= 0 || v.page.buddy.get(i)) continue;
        let found = pmdMappings(v, i);
        for (let j = 0; j < 1 << v.page.order.get(i); j++) found += pteMappings(v, i + j);
        const counted = mapcountOf(v, i);
        if (counted !== found) {
          return { conjunct: "_large_mapcount + 1 === PTE mappings of its pages + PMD mappings", values: { folio: i, counted, found } };
        }
      }
      return true;
    },
  },
];
