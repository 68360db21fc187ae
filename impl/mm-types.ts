/**
 * The kernel's objects: include/linux/mm_types.h, and what else is memory. Every field says what protects it.
 *
 * A guard `"lock"` is a lock of the same object, `"struct.lock"` that of a singleton, `"field->lock"` the lock of the
 * object that reference `field` points to. `"atomic"`: each access is one indivisible operation, as atomic_t or a flag
 * bit is. Where the kernel reads without the lock it says so with READ_ONCE: `.once()` here. `"cpu"` is the CPU's own:
 * its caches, its batches and what it gathers; where that of another CPU is used, which stands for an interrupt or
 * for work queued there, it is marked as well. `"lifetime"` stays as it is while there is a reference to the object. `"model"` is bookkeeping for which the kernel has no memory.
 */
import { array, bitset, bool, int, mutex, ref, rwsem, spinlock, struct, table, type Int, type Ref, type UpTo, type World } from "thpcheck";
import type { KernelConfig } from "./param.ts";

// ---- struct vm_area_struct.vm_flags (bits of vma.flags) --------------------------------------------------------
export const VM_READ = 1 << 0;
export const VM_WRITE = 1 << 1;
export const VM_HUGEPAGE = 1 << 2;
export const VM_NOHUGEPAGE = 1 << 3;
export const VM_LOCKED = 1 << 4;
export const VM_DONTCOPY = 1 << 5;
export const VM_WIPEONFORK = 1 << 6;
export const VM_SHARED = 1 << 7;
const VM_FLAGS = 8;

// ---- struct mm_struct.flags (bits of mm.flags) -----------------------------------------------------------------
/** Registered with khugepaged. */
export const MMF_VM_HUGEPAGE = 1 << 0;
export const MMF_HUGE_ZERO_FOLIO = 1 << 1;
export const MMF_HAS_PINNED = 1 << 2;
export const MMF_DISABLE_THP_COMPLETELY = 1 << 3;
export const MMF_DISABLE_THP_EXCEPT_ADVISED = 1 << 4;
export const MMF_UNSTABLE = 1 << 5;
const MM_FLAGS = 6;

// ---- life of a page-table page ---------------------------------------------------------------------------------
export const TABLE_FREE = 0;
/** Allocated, not (or no longer) reachable from a page table. */
export const TABLE_PRIVATE = 1;
export const TABLE_LIVE = 2;
export const TABLE_DEPOSITED = 3;
/** Handed to RCU: freed when no walker can see it any more. */
export const TABLE_RCU = 4;

/** pfn */
export type Pfn = Ref<"page">;
export type Mm = Ref<"mm">;
export type Vma = Ref<"vma">;
export type AnonVma = Ref<"anonVma">;
export type Avc = Ref<"avc">;
export type Table = Ref<"ptTable">;
export type Cpu = Ref<"cpu">;
/** Virtual page number, or the end of an area. */
export type Vpn = UpTo<"vpnMax">;
/** Index of a PMD entry in its mm: vpn / HPAGE_PMD_NR. */
export type PmdIndex = UpTo<"hugeRanges">;
/** Index of a PTE in its table. */
export type PteIndex = UpTo<"pagesPerHugePage">;
/** A page-table entry, PMD or PTE, as one value; see `pgtable.ts`. */
export type Entry = UpTo<"entryMax">;
export type Order = UpTo<"maxOrder">;
/** What a page contains: 0 is zero-filled; `contents` stands for poison. */
export type Content = UpTo<"contents">;
export type Refs = UpTo<"refcountMax">;
/** 0 or a negative errno. */
export type Errno = Int<-133, 0>;

export function kernelStructs(c: KernelConfig) {
  const n = (name: keyof KernelConfig): number => Number(c[name]);
  const h = n("pagesPerHugePage");
  const constant = (name: keyof KernelConfig, meaning: string) => int(n(name), n(name), meaning);
  const mappingsMax = n("mms") * h;
  const entry = (meaning: string, guard: string) => int(0, n("entryMax"), meaning, { guard });
  return {
    /** Bounds and version switches: constants. */
    param: struct({
      hpagePmdNr: constant("pagesPerHugePage", "HPAGE_PMD_NR"), hpagePmdOrder: constant("hpagePmdOrder", "HPAGE_PMD_ORDER"),
      hugeRanges: constant("hugeRanges", "PMD entries of an address space"), vpnMax: constant("vpnMax", "pages of an address space"),
      frames: constant("frames", "page frames"), contents: constant("contents", "page contents; this value is poison"),
      gatherBatch: constant("gatherBatch", "pages of one mmu_gather batch"), lruBatch: constant("lruBatch", "pages of one LRU batch"),
      refcountScheme: constant("refcountScheme", "how references are counted"),
      collapseTableSync: constant("collapseTableSync", "collapse waits for lockless walkers"), refuseLazyfree: constant("refuseLazyfree", "khugepaged refuses lazyfree pages"),
      splitZeroRemap: constant("splitZeroRemap", "split maps zero-filled pages to the zero page"), collapseContinuesAtEmptyPmd: constant("collapseContinuesAtEmptyPmd", "MADV_COLLAPSE goes on after an empty PMD"),
      hugeZeroUpgrade: constant("hugeZeroUpgrade", "a write to the huge zero page allocates a huge page"), largeFolioReuse: constant("largeFolioReuse", "COW reuses exclusively owned large folios"),
      allocationMayFail: constant("allocationMayFail", "allocations may fail"), chargeMayFail: constant("chargeMayFail", "charges may fail"), copyMayMeetPoison: constant("copyMayMeetPoison", "copies may meet poison"),
    }),

    /** sysfs: /sys/kernel/mm/transparent_hugepage. Written by sysfs.ts, read with READ_ONCE. */
    knob: struct({
      enabled: int(0, 2, "never, madvise, always", { guard: "atomic", init: n("enabled") }),
      defrag: int(0, 4, "when to reclaim for a huge page", { guard: "atomic", init: n("defrag") }),
      useZeroPage: bool("read faults may map the huge zero page", { guard: "atomic", init: n("useZeroPage") === 1 }),
      shrinkUnderused: bool("the deferred-split shrinker splits underused THPs", { guard: "atomic", init: n("shrinkUnderused") === 1 }),
      khugepagedDefrag: bool("khugepaged may reclaim", { guard: "atomic", init: n("khugepagedDefrag") === 1 }),
      maxPtesNone: int(0, h - 1, "empty PTEs that khugepaged accepts", { guard: "atomic", init: n("maxPtesNone") }),
      maxPtesSwap: int(0, h - 1, "non-present PTEs that khugepaged accepts", { guard: "atomic", init: n("maxPtesSwap") }),
      maxPtesShared: int(0, h - 1, "shared PTEs that khugepaged accepts", { guard: "atomic", init: n("maxPtesShared") }),
      pagesToScan: int(1, Math.max(1, n("pagesToScan")), "PTEs of one scan", { guard: "atomic", init: n("pagesToScan") }),
    }),

    /** struct page, and struct folio on its head. Fields marked (head) mean something only there. */
    page: table(n("frames"), {
      lock: mutex("PG_locked: the folio lock (head)"),
      refcount: int(0, n("refcountMax"), "_refcount (head); 0 is free or frozen", { guard: "atomic" }),
      mapcount: int(-1, mappingsMax, "_mapcount: PTE mappings of this page - 1", { guard: "atomic" }),
      entireMapcount: int(-1, n("mms"), "_entire_mapcount: PMD mappings - 1 (head)", { guard: "atomic" }),
      largeMapcount: int(-1, mappingsMax, "_large_mapcount: all mappings of a large folio - 1 (head)", { guard: "atomic" }),
      nrPagesMapped: int(0, h, "_nr_pages_mapped without ENTIRELY_MAPPED: pages of a large folio with a PTE mapping (head)", { guard: "atomic" }),
      pincount: int(0, Math.min(n("refcountMax"), 7), "_pincount: FOLL_PIN pins (head)", { guard: "atomic" }),
      order: int(0, n("maxOrder"), "order of the folio or of the free block (head)", { guard: "lifetime" }),
      head: ref("page", "compound_head(): NONE for a head or an order-0 page", { guard: "lifetime" }),
      buddy: bool("PageBuddy: heads a free block", { guard: "zone.lock" }),
      anon: bool("FOLIO_MAPPING_ANON: mapping is an anon_vma (head)", { guard: "atomic" }),
      mapping: ref("anonVma", "folio->mapping (head)", { guard: "atomic" }),
      index: int(0, n("vpnMax"), "folio->index: vm_pgoff-based page number (head)", { guard: "lifetime" }),
      swapbacked: bool("PG_swapbacked (head); clear on an anon folio: lazyfree", { guard: "atomic" }),
      lru: bool("PG_lru (head)", { guard: "atomic" }),
      active: bool("PG_active (head)", { guard: "atomic" }),
      referenced: bool("PG_referenced (head)", { guard: "atomic" }),
      dirty: bool("PG_dirty (head)", { guard: "atomic" }),
      uptodate: bool("PG_uptodate (head)", { guard: "atomic" }),
      anonExclusive: bool("PG_anon_exclusive: of the page; of a PMD mapping on the head", { guard: "atomic" }),
      partiallyMapped: bool("PG_partially_mapped (head)", { guard: "deferredSplit.lock" }),
      deferred: bool("on the deferred split queue (head)", { guard: "deferredSplit.lock" }),
      mmId0: ref("mm", "_mm_id[0] (head)", { guard: "atomic" }),
      mmId1: ref("mm", "_mm_id[1] (head)", { guard: "atomic" }),
      mmIdMapcount0: int(-1, h, "_mm_id_mapcount[0] (head)", { guard: "atomic" }),
      mmIdMapcount1: int(-1, h, "_mm_id_mapcount[1] (head)", { guard: "atomic" }),
      maybeShared: bool("_mm_ids SHARED bit (head)", { guard: "atomic" }),
      content: int(0, n("contents"), "what the page holds; the largest value is poison (freed)", { guard: "atomic" }),
      next: ref("page", "free list: next block", { guard: "zone.lock" }),
      prev: ref("page", "free list: previous block", { guard: "zone.lock" }),
      nid: int(0, 0, "NUMA node"),
      memcg: int(0, 0, "memory cgroup"),
    }),

    zone: struct({
      lock: spinlock("zone->lock"),
      free: array(n("maxOrder") + 1, ref("page", "free_area[order]: first block", { guard: "lock" })),
      freePages: int(0, n("frames"), "NR_FREE_PAGES", { guard: "lock" }),
    }),

    lruvec: struct({
      lock: spinlock("lru_lock"),
      anonPages: int(0, n("frames"), "NR_INACTIVE_ANON + NR_ACTIVE_ANON", { guard: "lock" }),
      filePages: int(0, n("frames"), "NR_INACTIVE_FILE: lazyfree folios", { guard: "lock" }),
      isolated: int(0, n("frames"), "NR_ISOLATED_ANON", { guard: "atomic" }),
    }),

    node: struct({
      anonMapped: int(0, n("frames"), "NR_ANON_MAPPED, in pages", { guard: "atomic" }),
      anonThps: int(0, n("frames"), "NR_ANON_THPS, in pages: folios with a PMD mapping", { guard: "atomic" }),
      nrAnon: int(0, n("frames"), "per-size nr_anon of PMD-size folios", { guard: "atomic" }),
      nrAnonPartiallyMapped: int(0, n("frames"), "per-size nr_anon_partially_mapped", { guard: "atomic" }),
    }),

    /** Per CPU: what it runs, and what it holds for later. */
    cpu: table(n("cpus"), {
      mm: ref("mm", "the address space it has loaded", { guard: "atomic" }),
      irqsOff: bool("interrupts are disabled", { guard: "cpu" }),
      rcu: bool("inside rcu_read_lock()", { guard: "cpu" }),
      lruBatch: array(n("lruBatch"), ref("page", "folios about to be added to the LRU; each holds a reference", { guard: "cpu" })),
      tlb: array(n("vpnMax"), int(0, n("entryMax"), "cached 4K translation of this address, 0 for none", { guard: "cpu" })),
      tlbHuge: array(n("hugeRanges"), int(0, n("entryMax"), "cached 2M translation of this range, 0 for none", { guard: "cpu" })),
      /** The mmu_gather of the operation that runs here. */
      gatherPages: array(n("gatherBatch"), ref("page", "unmapped pages, freed after the flush", { guard: "cpu" })),
      gatherTables: array(n("hugeRanges"), ref("ptTable", "unlinked tables, freed after the flush", { guard: "cpu" })),
      gatherStart: int(0, n("vpnMax"), "first page to flush", { guard: "cpu" }),
      gatherEnd: int(0, n("vpnMax"), "end of the range to flush", { guard: "cpu" }),
    }),

    mm: table(n("mms"), {
      users: int(0, 7, "mm_users", { guard: "atomic" }),
      mmCount: int(0, 7, "mm_count", { guard: "atomic" }),
      mmapLock: rwsem("mmap_lock; fork: the parent's, then the child's, which nobody else can reach", { queued: true, nesting: "nested" }),
      pageTableLock: spinlock("page_table_lock"),
      pmdLock: spinlock("lock of the page of PMDs; fork: the child's, then the parent's", { nesting: "nested" }),
      pmd: array(n("hugeRanges"), entry("PMD entries", "pmdLock")),
      writeProtectSeq: int(0, 3, "write_protect_seq", { guard: "atomic", wrapping: true }),
      anonPages: int(0, n("vpnMax"), "MM_ANONPAGES", { guard: "atomic" }),
      swapEntries: int(0, n("vpnMax"), "MM_SWAPENTS", { guard: "atomic" }),
      nrPtes: int(0, n("pageTables"), "nr_ptes: live and deposited tables", { guard: "atomic" }),
      flags: bitset(MM_FLAGS, "MMF_*", { guard: "atomic" }),
    }),

    vma: table(n("vmas"), {
      mm: ref("mm", "vm_mm; NONE: the object is free", { guard: "once" }),
      lock: rwsem("per-VMA lock: its readers"),
      writeLocked: bool("write-locked: vm_lock_seq equals mm_lock_seq", { guard: "atomic" }),
      detached: bool("no longer in the tree", { guard: "mm->mmapLock | lock" }),
      start: int(0, n("vpnMax"), "vm_start, in pages", { guard: "mm->mmapLock | lock" }),
      end: int(0, n("vpnMax"), "vm_end, in pages", { guard: "mm->mmapLock | lock" }),
      pgoff: int(0, n("vpnMax"), "vm_pgoff", { guard: "mm->mmapLock | lock" }),
      flags: bitset(VM_FLAGS, "VM_*", { guard: "mm->mmapLock | lock" }),
      anonVma: ref("anonVma", "anon_vma", { guard: "atomic" }),
      /** Written under mmap_lock for writing, or for reading with page_table_lock. Oldest ancestor first: the kernel's list, read from its end. */
      anonVmaChain: ref("avc", "anon_vma_chain: first avc of this VMA", { guard: "atomic" }),
    }),

    anonVma: table(n("anonVmas"), {
      refcount: int(0, 7, "0: the object is free", { guard: "atomic" }),
      lock: rwsem("rwsem; the one of the root is used"),
      root: ref("anonVma", "root", { guard: "once" }),
      parent: ref("anonVma", "parent", { guard: "once" }),
      numChildren: int(0, 7, "num_children", { guard: "root->lock" }),
      numActiveVmas: int(0, 7, "num_active_vmas", { guard: "root->lock" }),
      tree: ref("avc", "rb_root, in order: first avc", { guard: "root->lock" }),
    }),

    /** anon_vma_chain: an edge between a VMA and an anon_vma. Each is in two lists. */
    avc: table(n("anonVmaChains"), {
      allocated: bool("the object is in use", { guard: "atomic" }),
      vma: ref("vma", "vma", { guard: "root->lock" }),
      anonVma: ref("anonVma", "the anon_vma in whose tree it is", { guard: "root->lock" }),
      root: ref("anonVma", "root of that anon_vma, whose lock guards the tree", { guard: "once" }),
      nextInTree: ref("avc", "rb: next in the tree's order", { guard: "root->lock" }),
      nextOfVma: ref("avc", "same_vma: next avc of the VMA", { guard: "atomic" }),
    }),

    /** Page-table pages of PTEs. */
    ptTable: table(n("pageTables"), {
      state: int(0, 4, "free, private, live, deposited or waiting for RCU", { guard: "model" }),
      rcuReaders: bitset(n("cpus"), "waiting for RCU: CPUs whose read-side section must end first", { guard: "model" }),
      mm: ref("mm", "whose it is", { guard: "model" }),
      lock: spinlock("its split page-table lock (ptl); fork: that of the child, then of the parent; mremap: the old one, then the new", { nesting: "nested" }),
      pte: array(h, entry("PTEs", "lock")),
    }),

    rcu: struct({
      waiting: int(0, n("pageTables"), "tables that wait for a grace period", { guard: "model" }),
    }),

    hugeZero: struct({
      refcount: int(0, 7, "huge_zero_refcount", { guard: "atomic" }),
      page: ref("page", "huge_zero_folio", { guard: "atomic" }),
    }),

    deferredSplit: struct({
      lock: spinlock("split_queue_lock"),
      length: int(0, n("frames"), "split_queue_len", { guard: "lock" }),
    }),

    khugepaged: struct({
      lock: spinlock("khugepaged_mm_lock"),
      slots: bitset(Math.min(31, n("mms")), "mm_slots on the list", { guard: "lock" }),
      cursorMm: ref("mm", "khugepaged_scan.mm_slot", { guard: "lock" }),
      /** Only the thread itself touches these two. */
      cursorAddress: int(0, n("vpnMax"), "khugepaged_scan.address", { guard: "atomic" }),
      budget: int(0, Math.max(1, n("pagesToScan")), "pages_to_scan less cc->progress: what this scan may still look at", { guard: "atomic" }),
    }),

    /**
     * What each process may read: the strongest promise; see user-memory.ts, whose functions alone touch it. Auxiliary
     * variables (Owicki and Gries): kernel routines never read them. Role `state` and not `ghost`, since those functions
     * copy one set to another and compare; the compiler lets no routine code read a ghost.
     */
    user: table(n("mms") * n("vpnMax"), {
      mayRead: bitset(n("contents"), "contents that a load may return", { guard: "model", init: 1 }),
      inFlight: int(0, Math.min(n("cpus"), 3), "running calls that change the mapping of this page", { guard: "model" }),
      feeds: ref("user", "the page, of a child or at a new address, that is becoming a copy of this one", { guard: "model" }),
    }),

    /** /proc/vmstat events. */
    vmstat: struct({
      ...events("thpFaultAlloc", "thpFaultFallback", "thpFaultFallbackCharge", "thpCollapseAlloc", "thpCollapseAllocFailed", "thpZeroPageAlloc", "thpZeroPageAllocFailed",
        "thpSplitPage", "thpSplitPageFailed", "thpDeferredSplitPage", "thpUnderusedSplitPage", "thpSplitPmd", "thpScanExceedNonePte", "thpScanExceedSwapPte", "thpScanExceedSharedPte",
        "pgfault", "pglazyfree", "khugepagedPagesCollapsed", "khugepagedFullScans"),
    }),
  };
}

function events<const N extends string>(...names: readonly N[]): { readonly [K in N]: ReturnType<typeof int> } {
  return Object.fromEntries(names.map((name) => [name, int(0, 0xffff_ffff, `events: ${name}`, { role: "statistic" })])) as { readonly [K in N]: ReturnType<typeof int> };
}

export type KernelStructs = ReturnType<typeof kernelStructs>;
/** The world of a kernel. */
export type Kernel = World<KernelStructs>;
