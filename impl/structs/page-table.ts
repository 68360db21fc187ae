/** Page-table pages of PTEs: struct ptdesc of include/linux/mm_types.h, and RCU, which frees some of them. */
import { NONE, array, bitset, int, ref, spinlock, struct, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import type { GrainFlags } from "../config/grain.ts";
import { PTE_MARKS, encodedPteInWords, pteInWords, tableStateInWords } from "./words.ts";

// ---- life of a page-table page (values of ptTable.state) --------------------------------------------------------
export const TABLE_FREE = 0;
/** Allocated, not (or no longer) reachable from a page table. */
export const TABLE_PRIVATE = 1;
export const TABLE_LIVE = 2;
export const TABLE_DEPOSITED = 3;
/** Handed to RCU: freed when no walker can see it any more. */
export const TABLE_RCU = 4;

export function ptTable(b: Bounds & GrainFlags) {
  return table(b.pageTables, {
    state: int(TABLE_FREE, TABLE_RCU, "free, private, live, deposited or waiting for RCU", { guard: "model", show: tableStateInWords }),
    rcuReaders: bitset(b.cpus, "waiting for RCU: CPUs whose read-side section must end first", { guard: "model" }),
    mm: ref("mm", "whose it is", { guard: "model" }),
    pmdPage: int(0, Math.ceil(b.hugeRanges / b.pmdsPerPage) - 1, "deposited: with which page of PMDs, pmd_huge_pte", { guard: "model" }),
    lock: spinlock("its split page-table lock (ptl); fork: that of the child, then of the parent; mremap: the old one, then the new",
      { nesting: "nested" }),
    pte: array(b.pagesPerHugePage,
      int(0, b.entryMax, "PTEs", { guard: "lock", marks: PTE_MARKS, show: b.grainMigration ? encodedPteInWords : pteInWords })),
    owner: int(NONE, b.cpus - 1, "who has it to itself: who allocated it, or took it out of the page table",
      { role: "ghost", guard: "owner(referenced)" }),
  });
}

export function rcu(b: Bounds) {
  return struct({
    waiting: int(0, b.pageTables, "tables that wait for a grace period", { guard: "model" }),
  });
}
