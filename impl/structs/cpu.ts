/** A CPU: what it runs, what its TLB holds, and what it keeps for later. Every thread of a scenario has its own. */
import { array, bitset, bool, int, ref, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import { entryInWords } from "./words.ts";

export function cpu(b: Bounds) {
  return table(b.cpus, {
    mm: ref("mm", "the address space it has loaded", { guard: "cpu" }),
    woken: bool("a child of fork may run here", { guard: "atomic" }),
    irqsOff: bool("interrupts are disabled", { guard: "cpu" }),
    rcu: bool("inside rcu_read_lock()", { guard: "cpu" }),
    walking: bool("its hardware walks a page table: a TLB flush of any kind waits for that", { guard: "cpu" }),
    causes: bitset(4, "causes that the call which runs here has met; of the specification, see lost-function.ts", { guard: "model" }),
    pinned: array(b.pinsPerThread, ref("page", "what the thread has pinned by FOLL_PIN; of the specification, see pins.ts",
      { guard: "model" })),
    lruBatch: array(b.lruBatch, ref("page", "folios about to be added to the LRU; each holds a reference", { guard: "cpu" })),
    lruLazyfree: array(b.lruBatch, ref("page", "folios about to become lazyfree; each holds a reference", { guard: "cpu" })),
    tlb: array(b.vpnMax, int(0, b.entryMax, "cached 4K translation of this address, 0 for none", { guard: "cpu", show: entryInWords })),
    tlbHuge: array(b.hugeRanges,
      int(0, b.entryMax, "cached 2M translation of this range, 0 for none", { guard: "cpu", show: entryInWords })),
    /** The mmu_gather of the operation that runs here. */
    gatherPages: array(b.gatherBatch, ref("page", "unmapped pages, freed after the flush", { guard: "cpu" })),
    gatherTables: array(b.hugeRanges, ref("ptTable", "unlinked tables, freed after the flush", { guard: "cpu" })),
    gatherStart: int(0, b.vpnMax, "first page to flush", { guard: "cpu" }),
    gatherEnd: int(0, b.vpnMax, "end of the range to flush", { guard: "cpu" }),
  });
}
