/** TLBs: no more rights than the area gives, and one size for one address. */
import { never, type Invariant } from "../invariant.ts";
import { grantsTooMuch } from "./permission.ts";

export const tlbInvariants: readonly Invariant[] = [
  {
    id: "T12", name: "no cached translation permits more than its area",
    why: "once mprotect() or munmap() has returned, no access gets through by an old translation",
    source: "mm/mprotect.c, mm/mmap.c: the flush comes before mmap_lock is released; excused, per address space, while it is held",
    excuse: never,
    holds: (v) => {
      for (let c = 0; c < v.cpu.count; c++) {
        const mm = v.cpu.mm.get(c);
        if (mm < 0 || v.mm.mmapLock.isHeld(mm)) continue;
        for (let a = 0; a < v.param.vpnMax.get(); a++) {
          const cached = v.cpu.tlb.get(c, a) | v.cpu.tlbHuge.get(c, Math.floor(a / v.param.hpagePmdNr.get()));
          const wrong = cached === 0 ? null : grantsTooMuch(v, mm, a, cached);
          if (wrong !== null) return { conjunct: `a translation: ${wrong}`, values: { cpu: c, address: a } };
        }
      }
      return true;
    },
  },
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
