/**
 * Finding VMAs and room: the maple tree of an mm. Its VMAs lie in the table `vma`; those that have an entry
 * (`treeStart`, `treeEnd`) are in the tree, the others are free or detached.
 *
 * Stores are made under mmap_lock for writing, walks under mmap_lock or, of one address, under RCU. The tree's own
 * ma_lock and RCU make each of them one instant, so the inside of the tree is not modelled. The result of a walk
 * under RCU may be out of date at once; a result under mmap_lock is not.
 */
import { NONE, type Int } from "thpcheck";
import type { Kernel } from "./mm-types.ts";
import type { Mm, Vma, Vpn } from "./structs/types.ts";

/** Gives the VMA the entry of its range. @kernel mm/vma.h vma_iter_store_new(), vma_iter_store_overwrite() @holds mmap_lock for writing */
export function vmaIterStore(k: Kernel, vma: Vma): void {
  k.vma.treeStart.set(vma, k.vma.start.get(vma));
  k.vma.treeEnd.set(vma, k.vma.end.get(vma));
}

/** Takes the VMA's entry out. @kernel mm/vma.h vma_iter_clear() @holds mmap_lock for writing */
export function vmaIterClear(k: Kernel, vma: Vma): void {
  k.vma.treeStart.set(vma, 0);
  k.vma.treeEnd.set(vma, 0);
}

/** The VMA whose entry covers the page, or NONE. @kernel lib/maple_tree.c mas_walk() @holds mmap_lock or RCU */
export function masWalk(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.treeStart.get(v) <= vpn && vpn < k.vma.treeEnd.get(v) && k.vma.mm.get(v) === mm) return v;
  }
  return NONE;
}

/**
 * The first VMA that ends above `vpn`, or NONE.
 *
 * @kernel mm/vma.h find_vma()
 * @holds mmap_lock
 */
export function findVma(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  let found: Vma = NONE;
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.treeEnd.get(v) <= vpn || k.vma.mm.get(v) !== mm) continue;
    if (found === NONE || k.vma.treeStart.get(v) < k.vma.treeStart.get(found)) found = v;
  }
  return found;
}

/** The VMA that contains `vpn`, or NONE. @kernel include/linux/mm.h vma_lookup() @holds mmap_lock */
export function vmaLookup(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  return masWalk(k, mm, vpn);
}

/** The first VMA that overlaps start..end, or NONE. @kernel mm/mmap.c find_vma_intersection() @holds mmap_lock */
export function findVmaIntersection(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Vma {
  const v = findVma(k, mm, start);
  return v !== NONE && k.vma.treeStart.get(v) < end ? v : NONE;
}

/** The last VMA that ends at or below `vpn`, or NONE. @kernel mm/vma.h vma_prev() @holds mmap_lock */
export function vmaBefore(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  let found: Vma = NONE;
  for (let v = 0; v < k.vma.count; v++) {
    const end = k.vma.treeEnd.get(v);
    if (end === 0 || end > vpn || k.vma.mm.get(v) !== mm) continue;
    if (found === NONE || end > k.vma.treeEnd.get(found)) found = v;
  }
  return found;
}

/**
 * A free range of `length` pages, the highest; NONE when there is none. A length of whole huge pages is given an
 * aligned range if one is free.
 *
 * @kernel mm/mmap.c get_unmapped_area(), mm/huge_memory.c thp_get_unmapped_area_vmflags() (anonymous memory, lengths
 *   of whole huge pages: since 6.13)
 * @holds mmap_lock for writing
 */
export function getUnmappedArea(k: Kernel, mm: Mm, length: Vpn): Int<-1, 0x7fff_ffff> {
  const h = k.param.hpagePmdNr.get();
  const aligned = length % h === 0 ? highestGap(k, mm, length, h) : NONE;
  return aligned !== NONE ? aligned : highestGap(k, mm, length, 1);
}

function highestGap(k: Kernel, mm: Mm, length: number, alignment: number): number {
  let end = k.param.vpnMax.get();
  while (end >= length) {
    const start = Math.floor((end - length) / alignment) * alignment;
    const last = vmaBefore(k, mm, end);
    const floor = last === NONE ? 0 : k.vma.treeEnd.get(last); // without a VMA below, `start` is high enough
    // A VMA that reaches across `end` starts the next gap below itself.
    const above = findVma(k, mm, end - 1);
    const crossing = above !== NONE && k.vma.treeStart.get(above) < end;
    if (!crossing && start >= floor) return start;
    end = k.vma.treeStart.get(crossing ? above : last);
  }
  return NONE;
}
