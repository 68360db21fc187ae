/** Permission: no page-table entry grants more than its area. Cached translations are T12, in `tlb.ts`; pins X10, in impl/pins.ts. */
import { ENTRY_LEAF, ENTRY_PRESENT, permitsWrite, pointsToTable, target } from "../entry.ts";
import { VM_READ, VM_WRITE } from "../enumerations.ts";
import { never, type Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

/** VM_* flags of the area of `mm` at `address`; -1 where there is none. */
function flagsAt(v: KernelView, mm: number, address: number): number {
  for (let i = 0; i < v.vma.count; i++) {
    if (v.vma.mm.get(i) === mm && v.vma.start.get(i) <= address && address < v.vma.end.get(i)) return v.vma.flags.get(i);
  }
  return -1;
}

/**
 * What is wrong with an entry, or a cached copy of one, that the hardware uses for the address; null if nothing. x86 cannot
 * permit to write and not to read, so an area that may be written may be read, too.
 */
export function grantsTooMuch(v: KernelView, mm: number, address: number, entry: number): string | null {
  const flags = flagsAt(v, mm, address);
  if (flags < 0) return "it lies in an area";
  const writable = permitsWrite(entry, v.param.grainMigration.get() !== 0);
  if (writable && (flags & VM_WRITE) === 0) return "one that may be written through lies in a writable area";
  if ((entry & ENTRY_PRESENT) !== 0 && (flags & (VM_READ | VM_WRITE)) === 0) return "a usable one lies in an area that may be used";
  return null;
}

export const permissionInvariants: readonly Invariant[] = [
  {
    id: "T14", name: "no page-table entry grants more than its area",
    why:
      "the hardware asks the entry and not the area: once mprotect() or munmap() has returned, nothing may get through. An " +
      "entry that waits (invalidated, or for migration) comes back with the rights that it keeps",
    source:
      "mm/mprotect.c change_protection(), mm/memory.c unmap_vmas(): under mmap_lock for writing, as is every change of an " +
      "area; excused, per address space, while mmap_lock is held. Detached areas count: munmap() goes on under the lock for reading",
    excuse: never,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let m = 0; m < v.mm.count; m++) {
        if (v.mm.mmapLock.isHeld(m)) continue;
        for (let p = 0; p < v.param.hugeRanges.get(); p++) {
          const e = v.mm.pmd.get(m, p);
          if ((e & ENTRY_LEAF) !== 0) {
            const wrong = grantsTooMuch(v, m, p * h, e);
            if (wrong !== null) return { conjunct: `a huge PMD: ${wrong}`, values: { mm: m, pmd: p, entry: e } };
          } else if (pointsToTable(e)) {
            const table = target(e);
            for (let j = 0; j < h; j++) {
              const pte = v.ptTable.pte.get(table, j);
              const wrong = pte === 0 ? null : grantsTooMuch(v, m, p * h + j, pte);
              if (wrong !== null) return { conjunct: `a PTE: ${wrong}`, values: { mm: m, address: p * h + j, table, entry: pte } };
            }
          }
        }
      }
      return true;
    },
  },
];
