/** TLBs: one size for one address. */
import { never, type Invariant } from "../invariant.ts";

export const tlbInvariants: readonly Invariant[] = [
  {
    id: "T5", name: "no CPU caches a small and a huge translation of one address",
    why: "processors may fault or mix them up (erratum 383): the huge one is invalidated and flushed before a table is set",
    source: "mm/huge_memory.c __split_huge_pmd_locked(), the comment on pmdp_invalidate()",
    excuse: never,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let c = 0; c < v.cpu.count; c++) {
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          if (v.cpu.tlbHuge.get(c, p) === 0) continue;
          for (let a = p * h; a < (p + 1) * h; a++) {
            if (v.cpu.tlb.get(c, a) !== 0) return { conjunct: "not both sizes for one address", values: { cpu: c, pmd: p, address: a } };
          }
        }
      }
      return true;
    },
  },
];
