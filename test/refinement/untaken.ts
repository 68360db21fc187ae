/**
 * Why no scenario takes a transition of a machine that has a subject: one reason for each. A reason for a transition that
 * some scenario takes, or that the machine does not have, is as wrong as none.
 */
export interface Untaken {
  readonly machine: string;
  readonly arrow: string;
  readonly why: string;
}

export const UNTAKEN: readonly Untaken[] = [
  {
    machine: "vma-bounds", arrow: "cut --VMA_BOUNDS[leftAfter]--> bare",
    why: "An area that gives up a part of its range does so in favour of another area, which is in the tree before; what then goes is that one (VMA_REMOVE).",
  },
  {
    machine: "vma-bounds", arrow: "whole --VMA_BOUNDS[leftAfter]--> bare",
    why: "As above: the split of an area links the new part before the old one shrinks.",
  },
  {
    machine: "collapse", arrow: "restored --COLLAPSE_RESULT[result(is: pte_non_present)]--> idle",
    why: "A migration entry that came after the scan is waited for before mmap_lock is taken for writing, and the anon_vma lock keeps new ones away; swap entries, which could appear then, are not there yet.",
  },
  {
    machine: "reservation", arrow: "promoting --RESV_PROMOTE_FAIL--> none",
    why: "Every page is frozen before the reservation is taken out, and thawed if one cannot be: from then on nothing fails. A mechanism that takes it out first would need this way back.",
  },
  {
    machine: "reserved-page", arrow: "used --RESV_INSTALL[isAnothers]--> used",
    why: "It takes four threads: two faults of one page, memory pressure that takes the reservation of the first, and a zap that has unmapped the page of the second and not yet ended its reservation. The largest scenario has three.",
  },
];
