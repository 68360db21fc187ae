/** Mutants that no scenario kills though they change something: what would show them, and why nothing here does. */
import type { Explanation } from "./explained.ts";

export const SURVIVORS: readonly Explanation[] = [
  {
    id: "95e3e55209",
    change: "- if (unmapped === 0 || unmapped === nr) return;",
    why: "A folio that the PMD had to itself, or that another PMD still maps as a whole, goes on the split queue as partially " +
      "mapped. The queue is a hint: the shrinker tries to split what is on it, and whoever frees the folio takes it off. \"Partially " +
      "mapped\" cannot be promised to be true, either: in Linux as here it stays when a split fails and the pages are mapped again.",
  },
  {
    id: "d5640bc40e",
    change: "- yield* spinLock(k, pmdLockptr(k, mm)); / spinUnlock(k, pmdLockptr(k, mm));  + yield at(\"spinLock: dropped\");",
    why: "Nothing makes a PMD migration entry: pages that a PMD maps are split before they move (migrate.c here, and every caller). " +
      "A fault that would wait for the end of one therefore finds none, whether or not it looks under the lock. It becomes visible " +
      "with migration of whole huge pages between nodes.",
  },
  {
    id: "de302fa5cd",
    change: "yield* folioRemoveRmapPtes(k, folio, page, 1, vma);  <->  refsPut(k, page, 1);",
    why: "For a moment the folio has a reference less than mappings and holders. Whoever compares the two without the folio lock, " +
      "which the split holds, is the reuse of a large folio by a write fault, under the lock of its own page table; while the folio " +
      "is mapped from one table, that is the table whose lock is held here. A scenario would need a folio in two tables of one " +
      "process, not exclusive (moved in part by mremap, after a fork whose child has gone), that is written to while it is split.",
  },
  {
    id: "b31be36999",
    change: "- yield* spinLock(k, pmdLockptr(k, mm)); / spinUnlock(k, pmdLockptr(k, mm));  + yield at(\"spinLock: dropped\");",
    why: "The collapse holds mmap_lock, the VMA lock and the anon_vma lock for writing, which lock out everybody who changes a PMD; " +
      "the kernel's comment calls this lock probably unnecessary. It is not called equivalent, since kernels of before have " +
      "collapses that hold less (the settings of release.ts). A scenario of a walk that changes the PMD under its lock alone would " +
      "show it: T2, or a machine of the specification.",
  },
  {
    id: "5c0f1244e9",
    change: "- if (pmdNone(pmdpGetLockless(k, mm, pmc.oldAddr))) return true;",
    why: "The PMD has become none by the reclaim of `param.lazyfreePmdDiscard`. movePtes() then finds no table, the loop begins " +
      "anew, and ends at the first look. What is left is an empty table at the new address, counted and legal, and -ENOMEM if there " +
      "is none to be had. A scenario of mremap against that reclaim with one table too few would show it: F1 (LOST_MOVE).",
  },
  {
    id: "3ceafbc997",
    change: "- yield* spinLock(k, pmdLockptr(k, mm)); const stable: VmFaultReason = yield* checkStableAddressSpace(k, mm);  + yield " +
      "at(\"moved before the acquisition\"); const stable: VmFaultReason = yield* checkStableAddressSpace(k, mm); yield* spinLock(k, " +
      "pmdLockptr(k, mm));",
    why: "Between the look at MMF_UNSTABLE and the PMD lock the OOM reaper may take the range, and the fault maps zeros where " +
      "something was stored. Scenario: the reaper against a read fault of a huge range that is empty by it, with use_zero_page, " +
      "where the memory is read without a fault of the dying process (GUP, process_madvise): P16.",
  },
  {
    id: "58cdb199c9",
    change: "- if (!same || stable !== VM_FAULT_DONE) {  + if (!same) {",
    why: "The fault goes on in an address space that the OOM reaper is about to empty. Where the reaper has passed, the PMD is " +
      "another (`same`); where it comes later, it takes the new page with the others. It would show by a promise that after " +
      "MMF_UNSTABLE a fault fails, where the call can be told from a store that came before.",
  },
  {
    id: "5f7ed339bd",
    change: "- if (like === NONE || k.vma.resvs.get(like) !== NONE) yield* rfcResvsNew(k, vma);  + if (like === NONE || " +
      "k.vma.resvs.get(like) !== NONE) yield at(\"rfcResvsNew: dropped\");",
    why: "Only the patch of 2018 calls it. A new area, or the upper half of one that is cut, gets no container, as where there is no " +
      "memory for one: its faults reserve nothing and map single pages, which breaks no promise. A scenario under rfc-2018 that cuts " +
      "an area between two ranges, with a witness that the upper one is reserved, would show it.",
  },
];
