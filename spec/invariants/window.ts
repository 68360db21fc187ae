/** khugepaged's windows: parts of a huge range that become a folio smaller than a huge page. None without such collapses. */
import type { KernelView } from "../view.ts";
import type { Invariant } from "../invariant.ts";
import { never } from "../invariant.ts";
import { ENTRY_DIRTY, ENTRY_YOUNG, mapsPage } from "../entry.ts";
import { COLLAPSE_COPIED, COLLAPSE_ISOLATED } from "../enumerations.ts";

/** The CPU whose attempt is about a window and has the table out, or is putting it back; -1: none. */
function windowCpu(v: KernelView): number {
  if (v.detachedPtes.count === 0 || v.detachedPtes.table.get(0) < 0) return -1;
  for (let c = 0; c < v.window.count; c++) {
    if (v.window.order.get(c) < v.param.hpagePmdOrder.get() && v.collapse.range.get(c) >= 0) return c;
  }
  return -1;
}
/** The CPU that has the table of a window's range; -1: none. */
function windowHolder(v: KernelView): number {
  for (let c = 0; c < v.window.count; c++) {
    if (v.window.order.get(c) < v.param.hpagePmdOrder.get() && v.collapse.table.get(c) >= 0) return c;
  }
  return -1;
}
const inWindow = (v: KernelView, c: number, i: number): boolean => {
  return i >= v.window.first.get(c) && i < v.window.first.get(c) + 2 ** v.window.order.get(c);
};

export const windowInvariants: readonly Invariant[] = [
  {
    id: "L5", name: "the anon_vma lock is kept while a neighbour's table is detached",
    why: "folios around the window are not locked: a walk of theirs would find the PMD none, and leave their mappings standing",
    source: "mm/khugepaged.c collapse_huge_page(): anon_vma_locked",
    excuse: never,
    holds: (v) => {
      const c = windowHolder(v);
      if (c < 0) return true;
      const mm = Math.floor(v.collapse.range.get(c) / v.param.hugeRanges.get());
      const start = (v.collapse.range.get(c) - mm * v.param.hugeRanges.get()) * v.param.hpagePmdNr.get();
      for (let a = 0; a < v.vma.count; a++) {
        if (v.vma.mm.get(a) !== mm || v.vma.detached.get(a) || v.vma.start.get(a) > start || v.vma.end.get(a) <= start) continue;
        const root = v.anonVma.root.get(v.vma.anonVma.get(a));
        return v.anonVma.lock.isHeld(root) || { conjunct: "the lock of the area's anon_vma is held", values: { cpu: c, area: a, root } };
      }
      return true;
    },
  },
  {
    id: "K7", name: "a collapse to a smaller size with max_ptes_none 0 changes no rss",
    why: "what it fills counts as full for the next scan, which makes a larger folio of it: the process grows without an access",
    source: "mm/khugepaged.c collapse_max_ptes_none()",
    excuse: (v) => v.detachedPtes.count === 0 || v.detachedPtes.mayFill.get(0) || v.knob.maxPtesNone.get() !== 0,
    holds: (v) => {
      const c = windowCpu(v);
      // From here on the window is filled.
      if (c < 0 || v.collapse.stage.get(c) < COLLAPSE_ISOLATED || v.collapse.stage.get(c) > COLLAPSE_COPIED) return true;
      for (let i = 0; i < v.param.hpagePmdNr.get(); i++) {
        if (inWindow(v, c, i) && !mapsPage(v.detachedPtes.before.get(0, i))) {
          return { conjunct: "each entry of the window maps a page", values: { pte: i } };
        }
      }
      return true;
    },
  },
  {
    id: "K8", name: "windows of one pass are aligned and disjoint",
    why: "a folio lies at a multiple of its size, and a pass that came back to a window would not end",
    source: "mm/khugepaged.c mthp_collapse(): offset += nr_ptes, max_order_from_offset()",
    excuse: never,
    holds: (v) => {
      const c = windowCpu(v);
      if (c < 0) return true;
      const first = v.window.first.get(c);
      if (first % 2 ** v.window.order.get(c) !== 0) return { conjunct: "a window lies at a multiple of its size", values: { first } };
      for (let i = 0; i < v.param.hpagePmdNr.get(); i++) {
        if (inWindow(v, c, i) && v.detachedPtes.done.get(0, i)) {
          return { conjunct: "the window was not collapsed before", values: { pte: i } };
        }
      }
      return true;
    },
  },
  {
    id: "K13", name: "entries outside of a window are as they were",
    why: "the whole table is taken out for a part of it: whoever comes back to the rest finds what was there",
    source: "mm/khugepaged.c collapse_huge_page(): pmd_populate(orig_pmd); the hardware may set accessed and dirty until the flush",
    excuse: never,
    holds: (v) => {
      const c = windowCpu(v);
      if (c < 0) return true;
      const table = v.detachedPtes.table.get(0);
      const bits = ENTRY_DIRTY | ENTRY_YOUNG;
      for (let i = 0; i < v.param.hpagePmdNr.get(); i++) {
        const before = v.detachedPtes.before.get(0, i);
        const now = v.ptTable.pte.get(table, i);
        if (!inWindow(v, c, i) && (before | bits) !== (now | bits)) {
          return { conjunct: "the entry is the same but for accessed and dirty", values: { pte: i, before, now } };
        }
      }
      return true;
    },
  },
];
