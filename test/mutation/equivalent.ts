/**
 * Mutants that change nothing that anybody could see: no thread, no load, no counter, in any schedule. Each with the
 * argument; what the scenarios merely do not show belongs in survivors.ts.
 */
import type { Explanation } from "./explained.ts";

export const EQUIVALENT: readonly Explanation[] = [
  {
    id: "4b5838c27a",
    change: "- folioRefUnfreeze(k, folio, refsOfSplitPage(k, folio)); emit(k, EV.FOLIO_UNFREEZE, folio); spinUnlock(k, k.lruvec.lock.at());  + spinUnlock(k, k.lruvec.lock.at()); yield at(\"moved behind the release\"); folioRefUnfreeze(k, folio, refsOfSplitPage(k, folio)); emit(k, EV.FOLIO_UNFREEZE, folio);",
    why: "Freezing and unfreezing are atomic operations on the reference count, which lru_lock does not protect: the lock is about the list, PG_lru and the LRU's counters, and these have their final values before. Until it is unfrozen the head has no reference, no mapping but migration entries, and a folio lock that the split holds. Whoever meets it on the LRU, in a frame or through an entry takes a reference by folio_try_get(), which fails at 0 whether lru_lock is held or not, as it did a moment earlier; and migration entries are waited for. Nobody can tell the two orders apart.",
  },
  {
    id: "1d3cbce066",
    change: "- return !hpageAligned(k, addr) && k.vma.start.get(vma) <= first && first + k.param.hpagePmdNr.get() <= k.vma.end.get(vma);  + return !hpageAligned(k, addr) && k.vma.start.get(vma) <= first + 1 && first + k.param.hpagePmdNr.get() <= k.vma.end.get(vma);",
    why: "The condition only saves work: splitHugePmd() takes the PMD lock, finds no huge PMD, and releases it. With the change it is called as well where the area begins one page into the range. A huge PMD lies inside one area in every state (T1), so the entry of a range that an area begins inside of is never huge, and the call never finds anything. It waits for a PMD lock that nobody keeps while he waits for what the caller holds.",
  },
  {
    id: "68d137c08e",
    change: "- while (n < k.param.lruBatch.get() && k.cpu.lruBatch.once(cpu, n) !== NONE) n++;  + while (n < k.param.lruBatch.get() - 1 && k.cpu.lruBatch.once(cpu, n) !== NONE) n++;",
    why: "batchAdd() drains the batch in the same call in which its last place is filled, and only the CPU itself adds: whenever batchCount() is called the last place is empty, which its assertion holds in every state. The loop stops at lruBatch - 1 in either case, by the bound or by the empty place.",
  },
  {
    id: "c1a6868bc9",
    change: "yield* mapAnonFolioPmd(k, folio, vmf.vma, haddr, table);  <->  k.mm.nrPtes.add(mm, 1);",
    why: "nr_ptes is read in one place, when the last user of the address space has gone (mm-refs.ts), and is an atomic counter: no lock and no order make it right, only that both updates happen. The mapping does not read it. Both orders lie inside one section of the PMD lock, during which the promise about the count (T2b) excuses a difference; and there is one in either order, from the deposit on.",
  },
];
