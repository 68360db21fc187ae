/**
 * What is said when the world of a scenario is too small: each bound in a sentence, for the tables, arrays and fields whose size
 * follows from it. % stands for the number that is out of range.
 */
import type { KernelConfig } from "./options.ts";
import type { FieldPath, KernelStructs } from "../mm-types.ts";

/** A table by its own name (an index into it, a reference to one of its objects); else an array or a field. */
type Path = FieldPath | keyof KernelStructs;

const ADDRESSES: readonly Path[] = [
  "cpu.tlb", "cpu.gatherStart", "cpu.gatherEnd", "page.index", "vma.treeStart", "vma.treeEnd", "vma.start", "vma.end", "vma.pgoff",
  "resv.haddr", "khugepaged.cursorAddress",
];
const RANGES: readonly Path[] = ["mm.pmd", "cpu.tlbHuge", "cpu.gatherTables", "resvs.hash"];
const COUNTS_OF_PAGES: readonly Path[] = [
  "zone.freePages", "lruvec.anonPages", "lruvec.filePages", "lruvec.isolated", "node.anonMapped", "node.anonThps", "node.nrAnon",
  "node.nrAnonPartiallyMapped", "thpSize.nrAnon", "thpSize.nrAnonPartiallyMapped", "node.thpReserved", "deferredSplit.length",
];
const COUNTS_OF_MAPPED: readonly Path[] = ["mm.anonPages", "mm.swapEntries"];
const OWNERS: readonly Path[] = ["page.owner", "mm.owner", "vma.owner", "ptTable.owner", "resv.owner", "ptTable.rcuReaders"];
const PAGES_OF_ONE: readonly Path[] = [
  "ptTable.pte", "resv.used", "resv.unused", "page.nrPagesMapped", "page.mmIdMapcount0", "page.mmIdMapcount1", "page.pincount",
  "knob.maxPtesNone", "knob.maxPtesSwap", "knob.maxPtesShared", "knob.promotionThreshold",
  "mthpScan.presentPtes", "mthpScan.unmapped", "window.first", "detachedPtes.before", "detachedPtes.done", "scanBitmap",
];
const MAPPINGS: readonly Path[] = ["page.mapcount", "page.largeMapcount", "page.entireMapcount"];

const each = (paths: readonly Path[], sentence: string): Record<string, string> => Object.fromEntries(paths.map((p) => [p, sentence]));

/**
 * For `Scenario.beyond`: by table, field, and name of a bound.
 * @model the kernel's own limits are those of the machine
 */
export function beyondBounds(c: KernelConfig): Readonly<Record<string, string>> {
  const address = `address % is outside the address space: hugeRanges is ${c.hugeRanges}`;
  const range = `huge range % is outside the address space: hugeRanges is ${c.hugeRanges}`;
  const object = (what: string, bound: string, most: number): string => `there is no ${what} %: ${bound} is ${most}`;
  const ofOnePage = `% is more than the pages of a huge page: pagesPerHugePage is ${c.pagesPerHugePage}`;
  const cpu = `there is no CPU %: cpus is ${c.cpus}, one for each thread`;
  const reservation = `there is no reservation %: frames, mms and hugeRanges give room for ${c.reservations}`;
  return {
    ...each(ADDRESSES, address), vpnMax: address,
    ...each(RANGES, range), hugeRanges: range,
    page: `page frame % is outside the memory: frames is ${c.frames}`,
    ...each(COUNTS_OF_PAGES, `% pages are more than the memory has: frames is ${c.frames}`),
    ...each(COUNTS_OF_MAPPED, `% pages are more than the address space has: hugeRanges is ${c.hugeRanges}`),
    ...each(OWNERS, cpu), cpu, collapse: cpu, window: cpu, userCall: cpu,
    mm: object("address space", "mms", c.mms), "khugepaged.slots": object("address space", "mms", c.mms),
    vma: object("VMA", "vmas", c.vmas), "anonVma.numActiveVmas": `% VMAs are more than there are: vmas is ${c.vmas}`,
    anonVma: object("anon_vma", "anonVmas", c.anonVmas),
    "anonVma.refcount": `% references are more than anon_vmas and CPUs can hold: anonVmas is ${c.anonVmas}, cpus is ${c.cpus}`,
    "anonVma.numChildren": `% children are more than there are anon_vmas: anonVmas is ${c.anonVmas}`,
    avc: object("anon_vma_chain", "anonVmaChains", c.anonVmaChains),
    ptTable: object("page table", "pageTables", c.pageTables),
    ...each(["mm.nrPtes", "rcu.waiting"], `% page tables are more than there are: pageTables is ${c.pageTables}`),
    "ptTable.pmdPage": `there is no page of PMDs %: hugeRanges is ${c.hugeRanges}, pmdsPerPage is ${c.pmdsPerPage}`,
    resv: reservation, "resvLru.length": reservation, "resvLru.items": reservation,
    resvs: `there is no container of reservations %: vmas and mms give room for ${c.resvContainers}`,
    user: `page % of the processes' memory is outside the address spaces: hugeRanges is ${c.hugeRanges}, mms is ${c.mms}`,
    userSince: `page % of what calls discard is outside the address space: hugeRanges is ${c.hugeRanges}, cpus is ${c.cpus}`,
    "collapse.range": `huge range % is outside the address spaces: hugeRanges is ${c.hugeRanges}, mms is ${c.mms}`,
    ...each(PAGES_OF_ONE, ofOnePage), pagesPerHugePage: ofOnePage,
    ...each(["page.order", "zone.free", "window.order"], `order % is above that of a huge page: pagesPerHugePage is ${c.pagesPerHugePage}`),
    maxOrder: `order % is above that of a huge page: pagesPerHugePage is ${c.pagesPerHugePage}`,
    thpSize: `there is no size % between a page and a huge page: pagesPerHugePage is ${c.pagesPerHugePage}`,
    ...each(
      ["anonOrders.always", "anonOrders.inherit", "anonOrders.madvise", "mthpScan.enabledOrders"],
      `orders % are more than there are: pagesPerHugePage is ${c.pagesPerHugePage}`,
    ),
    ...each(MAPPINGS, `% mappings are more than the address spaces can have: mms is ${c.mms}`),
    ...each(["page.content", "user.mayRead", "userSince.stored"], `there is no content %: contents is ${c.contents}`),
    contents: `there is no content %: contents is ${c.contents}`,
    "page.refcount": `% references are more than are counted: refcountMax is ${c.refcountMax}`,
    refcountMax: `% references are more than are counted: refcountMax is ${c.refcountMax}`,
    "cpu.gatherPages": `page % is outside the batch of an mmu_gather: gatherBatch is ${c.gatherBatch}`,
    "cpu.pinned": `pin % is more than a thread has room for: pinsPerThread is ${c.pinsPerThread}`,
    ...each(["cpu.lruBatch", "cpu.lruLazyfree"], `page % is outside the LRU batch: lruBatch is ${c.lruBatch}`),
    "khugepaged.budget": `% is more than one scan looks at: pagesToScan is ${c.pagesToScan}`,
    "knob.pagesToScan": `pages_to_scan % is more than the layout has room for: pagesToScan is ${c.pagesToScan}`,
    splitList: `there is no list of folios %: frames is ${c.frames}, pagesPerHugePage is ${c.pagesPerHugePage}, cpus is ${c.cpus}`,
    "lost.detail": `result or place % is beyond frames and addresses: frames is ${c.frames}, hugeRanges is ${c.hugeRanges}`,
    "deferredSplit.unmappedInSplit": `there is no pair of frames %: frames is ${c.frames}`,
    lruList: `there is no list of folios %: frames is ${c.frames}`, lruSize: "there is no list % of the LRU",
    "lruSize.pages": `% pages are more than there are: frames is ${c.frames}`,
    ...each(["swapSlot", "swapBio", "swapDevice", "page.swap", "swapDevice.available"], `there is no slot %: swapSlots is ${c.swapSlots}`),
    "swapDevice.counts": `% swap entries are more than the address spaces can have: mms is ${c.mms}`,
    "swapSlot.content": `there is no content %: contents is ${c.contents}`,
    tlbUbc: cpu, "tlbUbc.mms": object("address space", "mms", c.mms), tlbFlushBatched: object("address space", "mms", c.mms),
    splitBatch: cpu, ...each(["mmSlot.next", "mmSlot.prev"], `there is no slot %: mms is ${c.mms}`),
    "splitBatch.folios":
      `folio % is more than the blocks that can be huge: frames is ${c.frames}, pagesPerHugePage is ${c.pagesPerHugePage}`,
    entryMax: `entry % is beyond frames and page tables: frames is ${c.frames}, pageTables is ${c.pageTables}`,
  };
}
