/** Mutants that no scenario kills though they change something: what would show them, and why nothing here does. */
import type { Explanation } from "./explained.ts";

export const SURVIVORS: readonly Explanation[] = [
  {
    id: "50f2bdecb0",
    change: "- for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {  + for (let i: PteIndex = 0; i < " +
      "k.param.hpagePmdNr.get() - 1; i++) {",
    why: "The dump of the page tables looks at one entry less. It stands for every reader of page tables without locks (ptdump, " +
      "pagemap): what it reads is asserted where it reads it, and what it prints nobody promises anything about.",
  },
  {
    id: "63da3d972a",
    change: "- cc.unmapped = unmapped > 0;  + cc.unmapped = unmapped >= 0;",
    why: "The collapse makes its second pass for entries that are not present also where the scan met none: it looks, and finds " +
      "none, or waits for the end of a migration that began since and that would have made it give up. More work, and more success; " +
      "only a promise about the work that is saved would notice.",
  },
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
    id: "470755f5f6",
    change: "- if (!entryHas(k.ptTable.pte.get(table, pteIndex(k, addr + i)), YOUNG | DIRTY)) continue;",
    why: "An entry that is neither young nor dirty is taken out, put back, and flushed for. More work, and GUP-fast that falls back " +
      "once more, which it may always do. Only a promise about needless flushes would notice.",
  },
  {
    id: "5c0f1244e9",
    change: "- if (pmdNone(pmdpGetLockless(k, mm, pmc.oldAddr))) return true;",
    why: "The PMD has become none by the reclaim of `param.lazyfreePmdDiscard`. movePtes() then finds no table, the loop begins " +
      "anew, and ends at the first look. What is left is an empty table at the new address, counted and legal, and -ENOMEM if there " +
      "is none to be had. A scenario of mremap against that reclaim with one table too few would show it: F1 (LOST_MOVE).",
  },
  {
    id: "af7385f91e",
    change: "- if (findVma(k, mm, 0) === NONE) { // Nothing was ever mapped, or fork gave up before the first VMA. yield* " +
      "mmapReadUnlock(k, mm); return; }",
    why: "An address space without an area goes through all of exit_mmap(): it finds nothing, and drains this CPU's LRU batch, which " +
      "may always happen. More work; only a promise about the work that is saved would notice.",
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
    id: "63a3d34414",
    change: "- yield* mmapWriteLock(k, mm); k.mm.coreState.set(mm, true);  + yield at(\"moved before the acquisition\"); " +
      "k.mm.coreState.set(mm, true); yield* mmapWriteLock(k, mm);",
    why: "The mark is read by a collapse under mmap_lock (mmgetStillValid()), which gives up; that it may see it earlier changes " +
      "nothing, since the dump waits for mmap_lock afterwards. Only a rule that the field is stored with the lock held that it names " +
      "as its guard would notice.",
  },
  {
    id: "8f27f37c70",
    change: "- folioRefSub(k, folio, 1); spinUnlock(k, pmdLockptr(k, src));  + spinUnlock(k, pmdLockptr(k, src)); yield at(\"moved " +
      "behind the release\"); folioRefSub(k, folio, 1);",
    why: "No scenario forks a process that has a huge page pinned, with PMDs. The parent's mapping keeps its reference while " +
      "mmap_lock is held, so even then the order shows only where reclaim counts references in between and gives up for one too " +
      "many; it would be a promise about work.",
  },
  {
    id: "39b42d1d91",
    change: "- const enough: boolean = res !== NONE && (!cc.isKhugepaged || usedPages(k, res) >= k.knob.promotionThreshold.once());  " +
      "+ const enough: boolean = res !== NONE && (!cc.isKhugepaged || usedPages(k, res) >= k.knob.promotionThreshold.once() - 1);",
    why: "khugepaged promotes a reservation of which one page less is used than the knob says. No promise looks at the threshold. " +
      "Scenario: a threshold of 2, one page used, one scan; promise: a promotion by khugepaged has promotion_threshold pages used in " +
      "the step that decides it.",
  },
  {
    id: "fb9665392c",
    change: "- pmc.needRmapLocks = k.vma.pgoff.get(pmc.new) <= k.vma.pgoff.get(pmc.old);  + pmc.needRmapLocks = " +
      "k.vma.pgoff.get(pmc.new) <= k.vma.pgoff.get(pmc.old) + 1;",
    why: "The locks of the reverse map are taken where the new area comes just behind the old one, too, and they need not be. More " +
      "waiting, in the order of the locks as before. Only a promise about work would notice.",
  },
  {
    id: "29e81378a3",
    change: "- if (!collapsePossible(k, vma, cc)) return false;",
    why: "khugepaged enters areas that policy forbids; the scan of each range asks again, and stops (SCAN_FAIL), and so does the " +
      "collapse. The range counts as scanned, in more steps. Only a promise about the work that is saved would notice.",
  },
  {
    id: "58cdb199c9",
    change: "- if (!same || stable !== VM_FAULT_DONE) {  + if (!same) {",
    why: "The fault goes on in an address space that the OOM reaper is about to empty. Where the reaper has passed, the PMD is " +
      "another (`same`); where it comes later, it takes the new page with the others. It would show by a promise that after " +
      "MMF_UNSTABLE a fault fails, where the call can be told from a store that came before.",
  },
];
