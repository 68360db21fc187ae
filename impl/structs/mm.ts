/** struct mm_struct, an address space: include/linux/mm_types.h. Guards: see `mm-types.ts`. */
import { NONE, array, bitset, bool, int, rwsem, spinlock, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import { PMD_MARKS, flagsInWords, pmdInWords } from "./words.ts";

// ---- struct mm_struct.flags (bits of mm.flags) -----------------------------------------------------------------
/** Registered with khugepaged. */
export const MMF_VM_HUGEPAGE = 1 << 0;
export const MMF_HUGE_ZERO_FOLIO = 1 << 1;
export const MMF_HAS_PINNED = 1 << 2;
export const MMF_DISABLE_THP_COMPLETELY = 1 << 3;
export const MMF_DISABLE_THP_EXCEPT_ADVISED = 1 << 4;
export const MMF_UNSTABLE = 1 << 5;
const MM_FLAGS = 6;
/** Their names, the lowest bit first; a test holds them to the values. */
export const MMF_NAMES: readonly string[] = [
  "MMF_VM_HUGEPAGE", "MMF_HUGE_ZERO_FOLIO", "MMF_HAS_PINNED", "MMF_DISABLE_THP_COMPLETELY", "MMF_DISABLE_THP_EXCEPT_ADVISED",
  "MMF_UNSTABLE",
];
// The same as members of the set: test_bit(), set_bit() and clear_bit() are operations on one of them.
export const MMF_VM_HUGEPAGE_BIT = Math.log2(MMF_VM_HUGEPAGE);
export const MMF_HUGE_ZERO_FOLIO_BIT = Math.log2(MMF_HUGE_ZERO_FOLIO);
export const MMF_HAS_PINNED_BIT = Math.log2(MMF_HAS_PINNED);
export const MMF_DISABLE_THP_COMPLETELY_BIT = Math.log2(MMF_DISABLE_THP_COMPLETELY);
export const MMF_DISABLE_THP_EXCEPT_ADVISED_BIT = Math.log2(MMF_DISABLE_THP_EXCEPT_ADVISED);
export const MMF_UNSTABLE_BIT = Math.log2(MMF_UNSTABLE);

export function mm(b: Bounds) {
  return table(b.mms, {
    owner: int(NONE, b.cpus - 1, "who has it to itself: fork, until it has locked it; who dropped the last reference, until it is freed",
      { role: "ghost", guard: "owner(referenced)" }),
    allocated: bool("the object is in use: mm_count is not 0", { guard: "model" }),
    users: int(0, 7, "mm_users", { guard: "atomic" }),
    mmCount: int(0, 7, "mm_count", { guard: "atomic" }),
    mmapLock: rwsem("mmap_lock; fork: the parent's, then the child's, which nobody else can reach", { queued: true, nesting: "nested" }),
    pageTableLock: spinlock("page_table_lock"),
    pmdLock: spinlock("lock of the page of PMDs; fork: the child's, then the parent's", { nesting: "nested" }),
    pmd: array(b.hugeRanges, int(0, b.entryMax, "PMD entries", { guard: "pmdLock", marks: PMD_MARKS, show: pmdInWords })),
    writeProtectSeq: int(0, 3, "write_protect_seq", { guard: "atomic", wrapping: true }),
    coreState: bool("core_state: its memory is being dumped", { guard: "mmapLock" }),
    anonPages: int(0, b.vpnMax, "MM_ANONPAGES", { guard: "atomic" }),
    swapEntries: int(0, b.vpnMax, "MM_SWAPENTS", { guard: "atomic" }),
    nrPtes: int(0, b.pageTables, "nr_ptes: live and deposited tables", { guard: "atomic" }),
    flags: bitset(MM_FLAGS, "MMF_*; test_and_set_bit() is one operation", { guard: "atomic(flags)", show: flagsInWords(MMF_NAMES) }),
  });
}
