/** anon_vmas: whom they belong to, and that they find what is mapped. */
import { ENTRY_LEAF, ENTRY_SPECIAL, isSwapEntry, pointsToTable, target } from "../entry.ts";
import { never, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

/** The area of `mm` at `address`, attached or not; -1 where there is none. */
function areaAt(v: KernelView, mm: number, address: number): number {
  for (let i = 0; i < v.vma.count; i++) {
    if (v.vma.mm.get(i) === mm && v.vma.start.get(i) <= address && address < v.vma.end.get(i)) return i;
  }
  return -1;
}

/** A walk over the tree of the anon_vma meets the area. */
function treeHas(v: KernelView, anonVma: number, vma: number): boolean {
  if (anonVma < 0) return false;
  for (let avc = v.anonVma.tree.get(anonVma); avc >= 0; avc = v.avc.nextInTree.get(avc)) if (v.avc.vma.get(avc) === vma) return true;
  return false;
}

/**
 * What is wrong with the reverse map of the page that an entry at `address` maps, or stands for; null if nothing. `page`: the
 * one that the entry names.
 */
function notFound(v: KernelView, mm: number, address: number, page: number): string | null {
  const head = v.page.head.get(page);
  const folio = head < 0 ? page : head;
  const vma = areaAt(v, mm, address);
  if (vma < 0) return "an entry lies in an area";
  if (!treeHas(v, v.page.mapping.get(folio), vma)) return "the anon_vma of the folio has the area that maps it in its tree";
  const index = address - v.vma.start.get(vma) + v.vma.pgoff.get(vma);
  return v.page.index.get(folio) + page - folio === index ? null : "the area maps the page at the place that its index names";
}

export const anonVmaInvariants: readonly Invariant[] = [
  {
    id: "N1", name: "an anon_vma has one owner: areas whose own it is belong to one address space",
    why:
      "areas of one anon_vma are taken for candidates of a merge, and share its fate: with two processes in it, one of them frees " +
      "or keeps what the other one's pages point to",
    source: "mm/rmap.c anon_vma_clone(): num_children < 2 and num_active_vmas == 0, of an ancestor (since 6.0: 2555283eb40d)",
    excuse: never,
    holds: (v) => {
      for (let i = 0; i < v.vma.count; i++) {
        const anonVma = v.vma.anonVma.get(i);
        if (anonVma < 0 || v.vma.mm.get(i) < 0) continue;
        for (let j = 0; j < i; j++) {
          if (v.vma.anonVma.get(j) === anonVma && v.vma.mm.get(j) >= 0 && v.vma.mm.get(j) !== v.vma.mm.get(i)) {
            return {
              conjunct: "two areas with one anon_vma have one mm",
              values: { anonVma, vma: i, mm: v.vma.mm.get(i), other: j, otherMm: v.vma.mm.get(j) },
            };
          }
        }
      }
      return true;
    },
  },
  {
    id: "N2", name: "whatever maps a folio is found by its reverse map",
    why:
      "who splits, migrates or reclaims a folio goes by it: a mapping that is not met stays behind, and points to what the frame " +
      "is by then. A migration entry that is not met is never replaced",
    source:
      "mm/rmap.c rmap_walk_anon(), __page_check_anon_rmap(); excused, per address space, while mmap_lock is held: areas are cut, " +
      "moved, copied and unlinked under it",
    excuse: never,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let m = 0; m < v.mm.count; m++) {
        if (v.mm.mmapLock.isHeld(m)) continue;
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if ((e & (ENTRY_LEAF | ENTRY_SPECIAL)) === ENTRY_LEAF) {
            const wrong = notFound(v, m, p * h, target(e));
            if (wrong !== null) return { conjunct: wrong, values: { mm: m, pmd: p, folio: target(e) } };
          } else if (pointsToTable(e)) {
            for (let j = 0; j < h; j++) {
              const pte = v.ptTable.pte.get(target(e), j);
              const wrong = pte === 0 || (pte & ENTRY_SPECIAL) !== 0 || isSwapEntry(pte) ? null : notFound(v, m, p * h + j, target(pte));
              if (wrong !== null) return { conjunct: wrong, values: { mm: m, address: p * h + j, page: target(pte) } };
            }
          }
        }
      }
      return true;
    },
  },
];
