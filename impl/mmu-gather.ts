/**
 * mm/mmu_gather.c: pages that have been unmapped are freed only after every CPU has forgotten their translations.
 *
 * The mmu_gather of an operation lies in the CPU that runs it. It collects the range of entries that were cleared, the
 * pages that were mapped there, each with the reference of its mapping, and the tables that were unlinked. When the
 * batch of pages is full, and at the end, it flushes the range, hands the tables to RCU and drops the references.
 */
import { NONE, current, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import { pageFolio } from "./page-flags.ts";
import { folioPut } from "./swap.ts";
import { freeSwapCache } from "./swap/swapfile.ts";
import { flushTlbRange } from "./tlb.ts";
import type { Kernel } from "./mm-types.ts";
import type { Cpu, Mm, Pfn, Table, Vpn } from "./structs/types.ts";
import { callRcuTable } from "./rcu.ts";

/** Begins to gather. @kernel mm/mmu_gather.c tlb_gather_mmu() */
export function tlbGatherMmu(k: Kernel): void {
  const cpu = current(k);
  vmBugOn(
    k.cpu.gatherEnd.get(cpu) !== 0 || k.cpu.gatherPages.get(cpu, 0) !== NONE || k.cpu.gatherTables.get(cpu, 0) !== NONE,
    "mmu-gather: tlb_gather_mmu() before the end of the one before",
  );
}

/**
 * Notes that the entries of the pages start..end-1 were cleared and have to be flushed.
 * @kernel include/asm-generic/tlb.h tlb_remove_tlb_entries()
 */
export function tlbRemoveTlbEntry(k: Kernel, start: Vpn, end: Vpn): void {
  const cpu = current(k);
  const empty = k.cpu.gatherEnd.get(cpu) === 0;
  if (empty || start < k.cpu.gatherStart.get(cpu)) k.cpu.gatherStart.set(cpu, start);
  if (empty || end > k.cpu.gatherEnd.get(cpu)) k.cpu.gatherEnd.set(cpu, end);
}

/**
 * Notes that the entries of the pages start..end-1 lost permissions.
 * @kernel include/asm-generic/tlb.h tlb_flush_pte_range(), tlb_flush_pmd_range()
 */
export function tlbFlushRange(k: Kernel, start: Vpn, end: Vpn): void {
  tlbRemoveTlbEntry(k, start, end);
}

/**
 * Gathers the reference of an unmapped page's mapping. True: the batch is full. Then the caller releases its locks
 * and calls tlbFlushMmu() before it gathers another.
 * @kernel include/asm-generic/tlb.h __tlb_remove_page(), tlb_remove_page_size()
 */
export function tlbRemovePageSize(k: Kernel, page: Pfn): boolean {
  const cpu = current(k);
  const batch = k.param.gatherBatch.get();
  vmBugOn(k.cpu.gatherEnd.get(cpu) === 0, "mmu-gather: a page is gathered, but no entry was noted: tlbRemoveTlbEntry() comes first");
  let n = 0;
  while (n < batch && k.cpu.gatherPages.get(cpu, n) !== NONE) n++;
  vmBugOn(n === batch, "mmu-gather: the batch overflows: tlbFlushMmu() was not called when it was full");
  k.cpu.gatherPages.set(cpu, n, page);
  return n + 1 === batch;
}

/** References that the batch has room for. @kernel mm/mmu_gather.c tlb_next_batch() */
export function tlbBatchRoom(k: Kernel): number {
  const cpu = current(k);
  const batch = k.param.gatherBatch.get();
  let n = 0;
  while (n < batch && k.cpu.gatherPages.get(cpu, n) !== NONE) n++;
  return batch - n;
}

/**
 * Gathers a page and flushes if the batch is full then. No spinlock held: freeing takes other ones.
 * @kernel include/asm-generic/tlb.h tlb_remove_page()
 */
export function* tlbRemovePage(k: Kernel, mm: Mm, page: Pfn): Routine {
  if (tlbRemovePageSize(k, page)) yield* tlbFlushMmu(k, mm);
}

/** The same for the one reference of a PMD mapping. @kernel mm/huge_memory.c zap_huge_pmd(): tlb_remove_page_size() */
export function* tlbRemoveHugePage(k: Kernel, mm: Mm, folio: Pfn): Routine {
  if (tlbRemovePageSize(k, folio)) yield* tlbFlushMmu(k, mm);
}

/** Gathers a table that was unlinked (pmdClearTable). @kernel mm/mmu_gather.c tlb_remove_table(), mm/memory.c free_pte_range() */
export function tlbRemoveTable(k: Kernel, table: Table): void {
  const cpu = current(k);
  let n = 0;
  while (n < k.param.hugeRanges.get() && k.cpu.gatherTables.get(cpu, n) !== NONE) n++;
  vmBugOn(n === k.param.hugeRanges.get(), "mmu-gather: more tables are gathered than an address space has");
  k.cpu.gatherTables.set(cpu, n, table);
}

/** Flushes, then frees what was gathered. May be called again and again. @kernel mm/mmu_gather.c tlb_flush_mmu() */
export function* tlbFlushMmu(k: Kernel, mm: Mm): Routine {
  if (k.cpu.gatherEnd.get(current(k)) !== 0 || k.cpu.gatherTables.get(current(k), 0) !== NONE) {
    // Freed tables are flushed for, too, though nothing was mapped: a CPU may be walking them.
    yield* flushTlbRange(k, mm, k.cpu.gatherStart.get(current(k)), k.cpu.gatherEnd.get(current(k)));
  }
  k.cpu.gatherStart.set(current(k), 0);
  k.cpu.gatherEnd.set(current(k), 0);
  freeGatheredTables(k, current(k));
  while (k.cpu.gatherPages.get(current(k), 0) !== NONE) {
    const folio: Pfn = pageFolio(k, takePage(k, current(k)));
    yield* freeSwapCache(k, folio);
    yield* folioPut(k, folio);
  }
}

/**
 * Flushes and frees the rest. Afterwards nothing of the operation is left in the CPU.
 *
 * Another thread that holds mmap_lock or the VMA lock for reading may have cleared entries that this operation then
 * found empty, and may not have flushed them yet. So the range that the other has gathered is flushed here, too. The
 * kernel counts the gathers of an mm (tlb_flush_pending) and flushes the whole mm if there is another. Entries that
 * neither gather has changed are cached as the page table has them, so flushing them would change nothing.
 *
 * @kernel mm/mmu_gather.c tlb_finish_mmu(), include/linux/mm_types.h mm_tlb_flush_nested()
 */
export function* tlbFinishMmu(k: Kernel, mm: Mm): Routine {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    if (cpu !== current(k) && k.cpu.mm.once(cpu) === mm && k.cpu.gatherEnd.once(cpu) !== 0) {
      tlbRemoveTlbEntry(k, k.cpu.gatherStart.once(cpu), k.cpu.gatherEnd.once(cpu));
    }
  }
  yield* tlbFlushMmu(k, mm);
}

function freeGatheredTables(k: Kernel, cpu: Cpu): void {
  for (let n = 0; n < k.param.hugeRanges.get() && k.cpu.gatherTables.get(cpu, n) !== NONE; n++) {
    callRcuTable(k, k.cpu.gatherTables.get(cpu, n));
    k.cpu.gatherTables.set(cpu, n, NONE);
  }
}

/** The page gathered last. */
function takePage(k: Kernel, cpu: Cpu): Pfn {
  let n = k.param.gatherBatch.get() - 1;
  while (k.cpu.gatherPages.get(cpu, n) === NONE) n--;
  const page = k.cpu.gatherPages.get(cpu, n);
  k.cpu.gatherPages.set(cpu, n, NONE);
  return page;
}
