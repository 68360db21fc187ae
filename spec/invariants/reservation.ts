/**
 * THP reservations. A kernel without them satisfies all of these with nothing.
 *
 * The mechanism called safe keeps R3 at every moment at which nobody holds a reservation's lock; the patch of 2018 counts
 * in two places, so that for it R3 can only be asked when nobody is faulting, by `balance`. Policies differ in who has a
 * reservation after a fork (R10), which their scenarios state.
 */
import type { PropertyResult } from "thpcheck";
import { ENTRY_LEAF, mapsPage, target } from "../entry.ts";
import { MECHANISM_SAFE } from "../enumerations.ts";
import type { Invariant } from "../invariant.ts";
import type { KernelView } from "../view.ts";

function isSafe(v: KernelView): boolean {
  return v.param.resvMechanism.get() === MECHANISM_SAFE;
}
/** Somebody is at work on a reservation. */
function reservationLocked(v: KernelView): boolean {
  for (let i = 0; i < v.resvs.count; i++) if (v.resvs.lock.isHeld(i)) return true;
  return v.resvLru.lock.isHeld();
}
/** An area may be changing, and reservations follow. */
function areasLocked(v: KernelView): boolean {
  for (let m = 0; m < v.mm.count; m++) if (v.mm.mmapLock.isHeld(m)) return true;
  return reservationLocked(v);
}
function areasOrPmdsLocked(v: KernelView): boolean {
  for (let m = 0; m < v.mm.count; m++) if (v.mm.pmdLock.isHeld(m)) return true;
  return areasLocked(v);
}

/** Whose address space a container belongs to: its number is that of the address space, or of the area; the patch of 2018 has a pointer. */
function mmOf(v: KernelView, container: number): number {
  if (isSafe(v)) return v.param.resvPerMm.get() !== 0 ? container : v.vma.mm.get(container);
  for (let i = 0; i < v.vma.count; i++) if (v.vma.resvs.get(i) === container) return v.vma.mm.get(i);
  return -1;
}
function insideAnArea(v: KernelView, mm: number, start: number, end: number): boolean {
  for (let i = 0; i < v.vma.count; i++) if (v.vma.mm.get(i) === mm && v.vma.start.get(i) <= start && end <= v.vma.end.get(i)) return true;
  return false;
}
/** Other containers of the same address space with a reservation of this range. */
function anotherOfRange(v: KernelView, container: number, range: number): boolean {
  const mm = mmOf(v, container);
  for (let other = 0; other < v.resvs.count; other++) {
    if (other !== container && v.resvs.hash.get(other, range) >= 0 && mmOf(v, other) === mm) return true;
  }
  return false;
}
/** The page lies in the block of a reservation that can be found, and was not handed out. */
function isUnused(v: KernelView, page: number): boolean {
  for (let c = 0; c < v.resvs.count; c++) for (let r = 0; r < v.param.hugeRanges.get(); r++) {
    const res = v.resvs.hash.get(c, r);
    if (res < 0) continue;
    const slot = page - v.resv.page.get(res);
    if (slot >= 0 && slot < v.param.hpagePmdNr.get() && !v.resv.used.get(res, slot)) return true;
  }
  return false;
}
/** One that somebody has taken out, to give its pages back, may have given back all of them: the block can be another's. */
function hasBlock(v: KernelView, res: number): boolean {
  for (let c = 0; c < v.resvs.count; c++) for (let r = 0; r < v.param.hugeRanges.get(); r++) {
    if (v.resvs.hash.get(c, r) === res) return true;
  }
  return false;
}
function unusedSlots(v: KernelView, res: number): number {
  let n = 0;
  for (let i = 0; i < v.param.hpagePmdNr.get(); i++) if (!v.resv.used.get(res, i)) n++;
  return n;
}

/** NR_THP_RESERVED against all reservations that were not freed. For end states. */
export function balance(v: KernelView): PropertyResult {
  let unused = 0;
  for (let i = 0; i < v.resv.count; i++) if (v.resv.allocated.get(i)) unused += v.resv.unused.get(i);
  const counted = v.node.thpReserved.get();
  return counted === unused ? true : { conjunct: "NR_THP_RESERVED === unused pages of all reservations", values: { counted, unused } };
}

export const reservationInvariants: readonly Invariant[] = [
  {
    id: "R1", name: "a reservation lies in one area, and is the only one of its range",
    why: "promotion makes a huge PMD of it, which may not reach beyond its area",
    source: "the RFC's khugepaged_reserve(); excused under the lock of a reservation, and under mmap_lock, where an area is changed",
    excuse: areasLocked,
    holds: (v) => {
      const h = v.param.hpagePmdNr.get();
      for (let c = 0; c < v.resvs.count; c++) for (let r = 0; r < v.param.hugeRanges.get(); r++) {
        const res = v.resvs.hash.get(c, r);
        if (res < 0) continue;
        if (v.resv.haddr.get(res) !== r * h) {
          return { conjunct: "a reservation is found at its own address", values: { res, range: r, haddr: v.resv.haddr.get(res) } };
        }
        if (anotherOfRange(v, c, r)) return { conjunct: "a huge range has one reservation", values: { container: c, range: r } };
        if (!insideAnArea(v, mmOf(v, c), r * h, (r + 1) * h)) {
          return { conjunct: "an area contains the whole range", values: { container: c, range: r, res } };
        }
      }
      return true;
    },
  },
  {
    id: "R2", name: "an unused page of a reservation is unmapped and not free",
    why: "it goes back to the allocator as it is, with the reservation's reference",
    source: "the safe design; excused under the lock of a reservation",
    excuse: reservationLocked,
    holds: (v) => {
      if (!isSafe(v)) return true;
      for (let page = 0; page < v.page.count; page++) {
        if (!isUnused(v, page)) continue;
        if (v.page.mapcount.get(page) !== -1 || v.page.buddy.get(page) || v.page.refcount.get(page) === 0) {
          return {
            conjunct: "unused: referenced, unmapped, not free",
            values: { page, refcount: v.page.refcount.get(page), mapcount: v.page.mapcount.get(page) },
          };
        }
      }
      return true;
    },
  },
  {
    id: "R3", name: "NR_THP_RESERVED equals the unused pages of all reservations",
    why: "MemAvailable and the overcommit heuristic add it to what is free",
    source: "the RFC's vmstat item; excused under the lock of a reservation. For the patch of 2018 it is asked at rest only",
    excuse: reservationLocked,
    holds: (v) => {
      if (!isSafe(v)) return true;
      // One that is being given back is in no hash any more, and not counted.
      let unused = 0;
      for (let c = 0; c < v.resvs.count; c++) for (let r = 0; r < v.param.hugeRanges.get(); r++) {
        const res = v.resvs.hash.get(c, r);
        if (res >= 0) unused += v.resv.unused.get(res);
      }
      const counted = v.node.thpReserved.get();
      return counted === unused ? true : { conjunct: "NR_THP_RESERVED === unused pages of all reservations", values: { counted, unused } };
    },
  },
  {
    id: "R3b", name: "nr_unused counts the pages that were not handed out",
    why: "promotion decides by it",
    source: "struct thp_reservation; excused under its lock",
    excuse: reservationLocked,
    holds: (v) => {
      for (let c = 0; c < v.resvs.count; c++) for (let r = 0; r < v.param.hugeRanges.get(); r++) {
        const res = v.resvs.hash.get(c, r);
        if (res < 0) continue;
        const unused = unusedSlots(v, res);
        if (unused !== v.resv.unused.get(res)) {
          return { conjunct: "nr_unused === unused slots", values: { res, counted: v.resv.unused.get(res), unused } };
        }
      }
      return true;
    },
  },
  {
    id: "R4", name: "no page is in two reservations",
    why: "it would be handed out twice",
    source: "the RFC's khugepaged_reserve(); excused under the lock of a reservation",
    excuse: reservationLocked,
    holds: (v) => {
      for (let i = 0; i < v.resv.count; i++) for (let j = 0; j < i; j++) {
        if (hasBlock(v, i) && hasBlock(v, j) && v.resv.page.get(i) === v.resv.page.get(j)) {
          return { conjunct: "blocks differ", values: { res: i, other: j, page: v.resv.page.get(i) } };
        }
      }
      return true;
    },
  },
  {
    id: "R5", name: "no PTE maps an unused page of a reservation",
    why: "the next fault would get a page that somebody uses",
    source: "the safe design; excused under the lock of a reservation",
    excuse: reservationLocked,
    holds: (v) => {
      if (!isSafe(v)) return true;
      for (let t = 0; t < v.ptTable.count; t++) for (let i = 0; i < v.param.hpagePmdNr.get(); i++) {
        const pte = v.ptTable.pte.get(t, i);
        if (mapsPage(pte) && isUnused(v, target(pte))) {
          return { conjunct: "unused pages are unmapped", values: { table: t, slot: i, page: target(pte) } };
        }
      }
      return true;
    },
  },
  {
    id: "R7", name: "no reservation outlives its address space, or its place on the shrinker's list",
    why: "the shrinker finds it there and uses what it belonged to",
    source: "the safe design: containers are drained before they are freed; excused while an area is changed",
    excuse: areasLocked,
    holds: (v) => {
      for (let c = 0; c < v.resvs.count; c++) for (let r = 0; r < v.param.hugeRanges.get(); r++) {
        const res = v.resvs.hash.get(c, r);
        if (res < 0 || !isSafe(v)) continue;
        const mm = mmOf(v, c);
        if (!v.resv.allocated.get(res)) return { conjunct: "what the hash has is in use", values: { container: c, range: r, res } };
        if (mm < 0 || v.mm.mmCount.get(mm) === 0) {
          return { conjunct: "its address space is there", values: { container: c, range: r, res } };
        }
      }
      for (let i = 0; i < v.resvLru.length.get(); i++) {
        const res = v.resvLru.items.get(i);
        if (res < 0 || !v.resv.allocated.get(res)) {
          return { conjunct: "what the shrinker's list has is in use", values: { position: i, res } };
        }
      }
      return true;
    },
  },
  {
    id: "R8", name: "a huge PMD and a reservation of its range exclude each other",
    why: "the zap of a huge PMD does not look for a reservation, which would be lost",
    source: "the safe design: both are made under the PMD lock, and each asks for the other; excused under these locks",
    excuse: areasOrPmdsLocked,
    holds: (v) => {
      for (let c = 0; c < v.resvs.count; c++) for (let r = 0; r < v.param.hugeRanges.get(); r++) {
        const res = v.resvs.hash.get(c, r);
        const mm = res < 0 ? -1 : mmOf(v, c);
        if (mm >= 0 && (v.mm.pmd.get(mm, r) & ENTRY_LEAF) !== 0) {
          return { conjunct: "no huge PMD where there is a reservation", values: { mm, range: r, res } };
        }
      }
      return true;
    },
  },
];
