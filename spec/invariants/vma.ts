/** VMAs: ordered areas that do not overlap. */
import { type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

function mmapLocked(v: KernelView): boolean {
  for (let m = 0; m < v.mm.count; m++) if (v.mm.mmapLock.isHeld(m)) return true;
  return false;
}

export const vmaInvariants: readonly Invariant[] = [
  {
    id: "V0", name: "VMAs are not empty and do not overlap",
    why: "an address belongs to at most one area",
    source: "mm/vma.c; excused under mmap_lock, where an area is replaced in several steps",
    excuse: mmapLocked,
    holds: (v) => {
      for (let i = 0; i < v.vma.count; i++) {
        const mm = v.vma.mm.get(i);
        if (mm < 0) continue;
        if (v.vma.start.get(i) >= v.vma.end.get(i)) {
          return { conjunct: "vm_start < vm_end", values: { vma: i, start: v.vma.start.get(i), end: v.vma.end.get(i) } };
        }
        if (v.vma.detached.get(i)) continue;
        for (let j = 0; j < i; j++) {
          if (v.vma.mm.get(j) === mm && !v.vma.detached.get(j) && v.vma.start.get(i) < v.vma.end.get(j) &&
            v.vma.start.get(j) < v.vma.end.get(i)) {
            return { conjunct: "areas do not overlap", values: { mm, vma: i, other: j } };
          }
        }
      }
      return true;
    },
  },
];
