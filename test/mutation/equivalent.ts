/**
 * Mutants that change nothing that anybody could see: no thread, no load, no counter, in any schedule. Each with the
 * argument; what the scenarios merely do not show belongs in survivors.ts.
 */
import type { Explanation } from "./explained.ts";

export const EQUIVALENT: readonly Explanation[] = [
  {
    id: "a89ce1bd8c",
    change: "- folioRefUnfreeze(k, folio, refsOfSplitPage(k, folio)); emit(k, EV.FOLIO_UNFREEZE, folio, partOrder(k, folio, folio, " +
      "parts)); if (cached) emit(k, EV.FOLIO_GET, folio, 1); spinUnlock(k, k.lruvec.lock.at());  + spinUnlock(k, " +
      "k.lruvec.lock.at()); yield at(\"moved behind the release\"); folioRefUnfreeze(k, folio, refsOfSplitPage(k, folio)); emit(k, " +
      "EV.FOLIO_UNFREEZE, folio, partOrder(k, folio, folio, parts)); if (cached) emit(k, EV.FOLIO_GET, folio, 1);",
    why: "Freezing and unfreezing are atomic operations on the reference count, which lru_lock does not protect: the lock is about " +
      "the list, PG_lru and the LRU's counters, and these have their final values before. Until it is unfrozen the head has no " +
      "reference, no mapping but migration entries, and a folio lock that the split holds. Whoever meets it on the LRU, in a frame " +
      "or through an entry takes a reference by folio_try_get(), which fails at 0 whether lru_lock is held or not, as it did a " +
      "moment earlier; and migration entries are waited for. Nobody can tell the two orders apart.",
  },
  {
    id: "1d3cbce066",
    change: "- return !hpageAligned(k, addr) && k.vma.start.get(vma) <= first && first + k.param.hpagePmdNr.get() <= " +
      "k.vma.end.get(vma);  + return !hpageAligned(k, addr) && k.vma.start.get(vma) <= first + 1 && first + k.param.hpagePmdNr.get() " +
      "<= k.vma.end.get(vma);",
    why: "The condition only saves work: splitHugePmd() takes the PMD lock, finds no huge PMD, and releases it. With the change it " +
      "is called as well where the area begins one page into the range. A huge PMD lies inside one area in every state (T1), so the " +
      "entry of a range that an area begins inside of is never huge, and the call never finds anything. It waits for a PMD lock that " +
      "nobody keeps while he waits for what the caller holds.",
  },
  {
    id: "68d137c08e",
    change: "- while (n < k.param.lruBatch.get() && k.cpu.lruBatch.once(cpu, n) !== NONE) n++;  + while (n < k.param.lruBatch.get() " +
      "- 1 && k.cpu.lruBatch.once(cpu, n) !== NONE) n++;",
    why: "batchAdd() drains the batch in the same call in which its last place is filled, and only the CPU itself adds: whenever " +
      "batchCount() is called the last place is empty, which its assertion holds in every state. The loop stops at lruBatch - 1 in " +
      "either case, by the bound or by the empty place.",
  },
  {
    id: "c1a6868bc9",
    change: "yield* mapAnonFolioPmd(k, folio, vmf.vma, haddr, table);  <->  k.mm.nrPtes.add(mm, 1);",
    why: "nr_ptes is read in one place, when the last user of the address space has gone (mm-refs.ts), and is an atomic counter: no " +
      "lock and no order make it right, only that both updates happen. The mapping does not read it. Both orders lie inside one " +
      "section of the PMD lock, during which the promise about the count (T2b) excuses a difference; and there is one in either " +
      "order, from the deposit on.",
  },
  {
    id: "2e5b8cc7a9",
    change: "- while (n < k.param.hugeRanges.get() && k.cpu.gatherTables.get(cpu, n) !== NONE) n++;  + while " +
      "(k.cpu.gatherTables.get(cpu, n) !== NONE) n++;",
    why: "The two differ only where the loop arrives at the bound: there the change reads one place further, and the kernel as it is " +
      "fails the assertion of the next line. In every state in which that assertion holds the loop ends at a place that is empty, " +
      "below the bound.",
  },
  {
    id: "8bdb64150d",
    change: "- refsGet(k, folio, n);",
    why: "Nothing in impl/ calls folioRefAdd(); only a set-up of test/impl/ does. Who takes several references at once calls " +
      "refsGet() itself.",
  },
  {
    id: "18740b782b",
    change: "- k.khugepaged.budget.set(0); spinUnlock(k, k.khugepaged.lock.at());  + spinUnlock(k, k.khugepaged.lock.at()); yield " +
      "at(\"moved behind the release\"); k.khugepaged.budget.set(0);",
    why: "The budget is the thread's own (cc->progress): khugepagedDoScan() sets it where a scan begins, noteProgress() counts it " +
      "down for the thread alone, and nobody else reads it. khugepaged_mm_lock protects the list and the cursor. That there is one " +
      "scan at a time is asserted in collapseScanMmSlot(). After the last scan it is 0 in either order.",
  },
  {
    id: "bc5501cb0b",
    change: "- if (moved) return true;",
    why: "moveHugePmd() returns true only after it has found the PMD huge under its lock, has cleared it and has set the new one. " +
      "The old one stays none: faults are locked out by mmap_lock and the VMA locks, and reclaim, which takes a PMD out and puts it " +
      "back (discardAnonFolioPmd()), does both within one hold of the PMD lock and only with a PMD that it found huge. So " +
      "splitHugePmd() takes the lock, finds no huge PMD (lockAgainstReuse() neither), releases it, and the check of pmd_none() that " +
      "follows returns true as well.",
  },
  {
    id: "f690362bff",
    change: "- if (pteNone(k.ptTable.pte.get(oldTable, pteIndex(k, oldAddr + i)))) continue;",
    why: "Without the check an entry that is none is exchanged for none, and none is stored at the new address, where the assertion " +
      "in between has found none. Both tables are locked, mmap_lock and the VMA locks are held for writing, and the hardware changes " +
      "present entries only, so the stores put back what is there. pteMigration() and ptePresent() are false of it: nothing is " +
      "announced, and no flush is asked for. Which step is the first of the section changes nothing that another CPU could read.",
  },
  {
    id: "a5f80f9ce8",
    change: "- return folioTestLarge(k, folio) && mapsFolio(k, table, windowFirst(k), end, folio);  + " +
      "return mapsFolio(k, table, windowFirst(k), end, folio);",
    why: "Of a folio of one page the answer is no in either case: two PTEs of one page table map different pages. A fault maps a new " +
      "page in one place, fork copies into another process's table, mremap and migration take the entry away where they come from, " +
      "and a page that lies in the folio is the folio itself if it has one page. The entries of the detached table are read without " +
      "a yield, and nobody else changes them. A zero page is no folio of the isolation.",
  },
  {
    id: "9b665c3a23",
    change: "- yield* vmaStartWrite(k, vma); const anonVma: AnonVma = k.vma.anonVma.get(vma);  + yield at(\"moved before the " +
      "acquisition\"); const anonVma: AnonVma = k.vma.anonVma.get(vma); yield* vmaStartWrite(k, vma);",
    why: "vma->anon_vma is stored by anonVmaPrepare(), with mmap_lock held for reading (vmfAnonPrepare() takes it where a fault has " +
      "the VMA lock alone, and gives up if it cannot), by merges, by fork and mremap for areas that nobody can find yet, and where " +
      "areas go: with mmap_lock held for writing. splitVma() runs with mmap_lock held for writing: the field has the same value " +
      "before vma_start_write() has waited for the readers of the VMA lock, and after.",
  },
  {
    id: "d23f98ccd2",
    change: "yield* mapAnonFolioPmdNopf(k, folio, vma, haddr, table);  <->  k.mm.anonPages.add(k.vma.mm.get(vma), folioNrPages(k, " +
      "folio)); k.vmstat.thpFaultAlloc.add(1);",
    why: "MM_ANONPAGES is an atomic counter that is read in two places: by an assertion when the last user of the address space has " +
      "gone (mm-refs.ts), and by the promise about it (T8), which is excused while a page-table lock is held. mapAnonFolioPmd() runs " +
      "within one hold of the PMD lock, and mapAnonFolioPmdNopf() neither reads the counter nor gives up. The other counter is a " +
      "statistic.",
  },
  {
    id: "50f2bdecb0",
    change: "- for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) {  + for (let i: PteIndex = 0; i < " +
      "k.param.hpagePmdNr.get() - 1; i++) {",
    why: "The dump is an actor of the model: it takes RCU, reads entries, and does nothing with what it reads but assert that " +
      "the table is not freed. Each run of the changed program is one of the original in which the reader of the last entry " +
      "stands still until RCU is released; no other thread reads whether it has read it. That a table is not freed under a " +
      "reader is still asked at every other entry of the same table, and of the same hold of RCU.",
  },
  {
    id: "63da3d972a",
    change: "- cc.unmapped = unmapped > 0;  + cc.unmapped = unmapped >= 0;",
    why: "Without swap the second pass waits for migration entries of the range, and for nothing else. Where the scan met none " +
      "it finds none, and does nothing; or it finds those of a split that began since, and waits until they are gone, as it " +
      "does where the scan met another one. What the collapse then does is decided anew under mmap_lock for writing, in " +
      "either case. To give up instead, for an entry that came meanwhile, is what the kernel may do and need not: F1 excuses " +
      "it, and nobody promises it.",
  },
  {
    id: "ad6356e089",
    change: "- if (!entryHas(k.ptTable.pte.get(table, pteIndex(k, addr + i)), YOUNG | DIRTY)) continue;",
    why: "An entry that is neither young nor dirty is taken out, put back as it was, and flushed for, under the lock of its " +
      "table. So is every entry beside it that is young or dirty: whoever reads entries without that lock (the hardware, " +
      "GUP-fast, the hint about untouched ranges) meets an entry that is none for a moment in the original as well, and has " +
      "to try again. The hardware may set a bit before the exchange, which then is in `old`, as for the others. The flush is " +
      "one more.",
  },
  {
    id: "af7385f91e",
    change: "- if (findVma(k, mm, 0) === NONE) { // Nothing was ever mapped, or fork gave up before the first VMA. yield* " +
      "mmapReadUnlock(k, mm); return; }",
    why: "Of an address space without an area exit_mmap() unmaps nothing, frees no table and no VMA: there are no pages without " +
      "areas. What is left of the change is that this CPU's LRU batch is drained, which any thread may do at any time " +
      "(lru_add_drain_all()), a gather that is empty, and mmap_lock for writing of an address space that nobody can reach any " +
      "more but khugepaged, which tries the lock.",
  },
  {
    id: "fb9665392c",
    change: "- pmc.needRmapLocks = k.vma.pgoff.get(pmc.new) <= k.vma.pgoff.get(pmc.old);  + pmc.needRmapLocks = " +
      "k.vma.pgoff.get(pmc.new) <= k.vma.pgoff.get(pmc.old) + 1;",
    why: "The locks of the reverse map are taken in one more case, where the walk could not have missed an entry. They are taken " +
      "in the same order, with the same locks held, and by the same routine as where they are needed; while they are held " +
      "nothing sleeps for what a walker has. A walker waits until the table is moved, and then sees what it could have seen " +
      "by coming later.",
  },
  {
    id: "39b42d1d91",
    change: "- const enough: boolean = res !== NONE && (!cc.isKhugepaged || usedPages(k, res) >= k.knob.promotionThreshold.once());  " +
      "+ const enough: boolean = res !== NONE && (!cc.isKhugepaged || usedPages(k, res) >= k.knob.promotionThreshold.once() - 1);",
    why: "This look is a hint, by which a promotion that cannot succeed saves taking mmap_lock for writing: freezeReservation() " +
      "asks for the threshold again under the reservation's lock, with the table detached, and by its answer all is put back. " +
      "Either way the result is SCAN_PAGE_COUNT, the range keeps its reservation and its pages, and khugepaged goes on behind " +
      "it. (reservation-below-threshold would show it if both looks were wrong.)",
  },
  {
    id: "8f27f37c70",
    change: "- folioRefSub(k, folio, 1); spinUnlock(k, pmdLockptr(k, src));  + spinUnlock(k, pmdLockptr(k, src)); yield at(\"moved " +
      "behind the release\"); folioRefSub(k, folio, 1);",
    why: "The reference is fork's own, to a folio that the parent maps, and fork has mmap_lock for writing, so it is not the " +
      "last one in either order. It is taken before the look at the pins: who counts references without the parent's PMD lock " +
      "(split, collapse, reuse) meets it in the original as well. Who counts them under that lock is reclaim of a lazyfree " +
      "PMD; it meets a reference more than it expects in the original, too, from a pin, which is why fork gives up here, and " +
      "then it keeps the page, which it may always do.",
  },
];
