/**
 * Finding areas and room: the maple tree of an mm. Its areas lie in the table `vma`; those that are neither free nor
 * detached are in the tree.
 */
import { NONE, type Int } from "thpcheck";
import type { Kernel, Mm, Vma, Vpn } from "./mm-types.ts";

/**
 * The first area that ends above `vpn`, or NONE.
 *
 * @kernel mm/vma.h find_vma()
 * @holds mmap_lock
 */
export function findVma(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  let found: Vma = NONE;
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.mm.get(v) !== mm || k.vma.detached.get(v) || k.vma.end.get(v) <= vpn) continue;
    if (found === NONE || k.vma.start.get(v) < k.vma.start.get(found)) found = v;
  }
  return found;
}

/** The area that contains `vpn`, or NONE. @kernel include/linux/mm.h vma_lookup() @holds mmap_lock */
export function vmaLookup(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  const v = findVma(k, mm, vpn);
  return v !== NONE && k.vma.start.get(v) <= vpn ? v : NONE;
}

/** The first area that overlaps start..end, or NONE. @kernel mm/mmap.c find_vma_intersection() @holds mmap_lock */
export function findVmaIntersection(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Vma {
  const v = findVma(k, mm, start);
  return v !== NONE && k.vma.start.get(v) < end ? v : NONE;
}

/** The last area that ends at or below `vpn`, or NONE. @kernel mm/vma.h vma_prev() @holds mmap_lock */
export function vmaBefore(k: Kernel, mm: Mm, vpn: Vpn): Vma {
  let found: Vma = NONE;
  for (let v = 0; v < k.vma.count; v++) {
    if (k.vma.mm.get(v) !== mm || k.vma.detached.get(v) || k.vma.end.get(v) > vpn) continue;
    if (found === NONE || k.vma.end.get(v) > k.vma.end.get(found)) found = v;
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
    const floor = last === NONE ? 0 : k.vma.end.get(last); // without an area below, `start` is high enough
    // An area that reaches across `end` starts the next gap below itself.
    const above = findVma(k, mm, end - 1);
    const crossing = above !== NONE && k.vma.start.get(above) < end;
    if (!crossing && start >= floor) return start;
    end = k.vma.start.get(crossing ? above : last);
  }
  return NONE;
}
