/**
 * The kernel's objects: include/linux/mm_types.h, and what else is memory. Every field says what protects it.
 *
 * A guard `"lock"` is a lock of the same object, `"struct.lock"` that of a singleton, `"field->lock"` the lock of the
 * object that reference `field` points to. `"atomic"`: each access is one indivisible operation, as atomic_t or a flag
 * bit is. Where the kernel reads without the lock it says so with READ_ONCE: `.once()` here. `"atomic(mapping)"`: what a mapping changes of its folio, which refcount-scheme.ts changes in one step. `"cpu"` is the CPU's own:
 * its caches, its batches and what it gathers; where that of another CPU is used, which stands for an interrupt or
 * for work queued there, it is marked as well. `"lifetime"` stays as it is while there is a reference to the object. `"model"` is bookkeeping for which the kernel has no memory.
 *
 * An `owner` says which thread has the object to itself; that thread needs no lock for it. It is written right after
 * the operation that takes the object out of everybody else's reach or puts it there, and read by the sanitizers alone.
 */
import { NONE, array, bitset, bool, int, mutex, ref, rwsem, spinlock, struct, table, type Int, type Ref, type U32, type UpTo, type World } from "thpcheck";
import type { KernelConfig } from "./config/options.ts";

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
// The same as members of the set: test_bit(), set_bit() and clear_bit() are operations on one of them.
export const MMF_VM_HUGEPAGE_BIT = Math.log2(MMF_VM_HUGEPAGE);
export const MMF_HUGE_ZERO_FOLIO_BIT = Math.log2(MMF_HUGE_ZERO_FOLIO);
export const MMF_HAS_PINNED_BIT = Math.log2(MMF_HAS_PINNED);
export const MMF_DISABLE_THP_COMPLETELY_BIT = Math.log2(MMF_DISABLE_THP_COMPLETELY);
export const MMF_DISABLE_THP_EXCEPT_ADVISED_BIT = Math.log2(MMF_DISABLE_THP_EXCEPT_ADVISED);
export const MMF_UNSTABLE_BIT = Math.log2(MMF_UNSTABLE);

// ---- life of a page-table page ---------------------------------------------------------------------------------
export const TABLE_FREE = 0;
/** Allocated, not (or no longer) reachable from a page table. */
export const TABLE_PRIVATE = 1;
export const TABLE_LIVE = 2;
export const TABLE_DEPOSITED = 3;
/** Handed to RCU: freed when no walker can see it any more. */
export const TABLE_RCU = 4;

// ---- stages of a collapse (values of collapse.stage) ------------------------------------------------------------
export const COLLAPSE_IDLE = 0;
export const COLLAPSE_SCANNING = 1;
export const COLLAPSE_ALLOCATED = 2;
export const COLLAPSE_DETACHED = 3;
export const COLLAPSE_ISOLATED = 4;
export const COLLAPSE_COPIED = 5;
export const COLLAPSE_RESTORED = 6;
export const COLLAPSE_POISONED = 7;

// ---- stages of a promotion in place (values of collapse.promotion) -----------------------------------------------
export const PROMOTION_NONE = 0;
/** The reservation is taken out, every page of it frozen. */
export const PROMOTION_FROZEN = 1;
/** Its block is a huge page, which is to be mapped. */
export const PROMOTION_INSTALLED = 2;

/** pfn */
export type Pfn = Ref<"page">;
/** How often something was done to a page frame: more than there are, where one comes back meanwhile. */
export type Frames = U32;
export type Mm = Ref<"mm">;
export type Vma = Ref<"vma">;
export type AnonVma = Ref<"anonVma">;
export type Avc = Ref<"avc">;
export type Table = Ref<"ptTable">;
export type Cpu = Ref<"cpu">;
export type Reservation = Ref<"resv">;
/** Of reservations: see `resvs`. */
export type Container = Ref<"resvs">;
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
  // While a PMD is split, its PTE mappings are there before its own is gone.
  const mappingsMax = n("mms") * (h + 1);
  const entry = (meaning: string, guard: string) => int(0, n("entryMax"), meaning, { guard });
  return {
    /** Bounds and version switches: constants. */
    param: struct({
      hpagePmdNr: constant("pagesPerHugePage", "HPAGE_PMD_NR"), hpagePmdOrder: constant("hpagePmdOrder", "HPAGE_PMD_ORDER"),
      hugeRanges: constant("hugeRanges", "PMD entries of an address space"), pmdsPerPage: constant("pmdsPerPage", "PTRS_PER_PMD"), vpnMax: constant("vpnMax", "pages of an address space"),
      frames: constant("frames", "page frames"), contents: constant("contents", "page contents; this value is poison"),
      gatherBatch: constant("gatherBatch", "pages of one mmu_gather batch"), lruBatch: constant("lruBatch", "pages of one LRU batch"),
      refcountScheme: constant("refcountScheme", "how references are counted"),
      collapseTableSync: constant("collapseTableSync", "collapse waits for lockless walkers"), refuseLazyfree: constant("refuseLazyfree", "khugepaged refuses lazyfree pages"),
      splitZeroRemap: constant("splitZeroRemap", "split maps zero-filled pages to the zero page"), collapseContinuesAtEmptyPmd: constant("collapseContinuesAtEmptyPmd", "MADV_COLLAPSE goes on after an empty PMD"),
      collapseOfNothingSucceeds: constant("collapseOfNothingSucceeds", "MADV_COLLAPSE of less than a huge range succeeds"),
      collapseNeedsWritable: constant("collapseNeedsWritable", "no collapse of a range without a writable page"),
      ptReclaim: constant("ptReclaim", "MADV_DONTNEED frees the tables that it empties"),
      hugeZeroUpgrade: constant("hugeZeroUpgrade", "a write to the huge zero page allocates a huge page"), largeFolioReuse: constant("largeFolioReuse", "COW reuses exclusively owned large folios"),
      tlbFlushInterrupts: constant("tlbFlushInterrupts", "a TLB flush interrupts the other CPUs"), coredumpTakesMmapLock: constant("coredumpTakesMmapLock", "a core dump holds mmap_lock"),
      reuseByMapcount: constant("reuseByMapcount", "a huge page with one mapping is reused"), forcedWriteByDirty: constant("forcedWriteByDirty", "forced writes go by the dirty bit"), directReclaim: constant("directReclaim", "who finds no block for a reservation reclaims"),
      allocationMayFail: constant("allocationMayFail", "allocations may fail"), chargeMayFail: constant("chargeMayFail", "charges may fail"), copyMayMeetPoison: constant("copyMayMeetPoison", "copies may meet poison"),
      resvMechanism: constant("resvMechanism", "how reservations are made: MECHANISM_* of policy/switches.ts"), resvPerMm: constant("resvPerMm", "reservations belong to the address space, not to the area"),
      resvOnRead: constant("resvOnRead", "a read fault reserves"), resvPromoteInFault: constant("resvPromoteInFault", "the fault that reaches the threshold promotes"),
      resvPressureAll: constant("resvPressureAll", "memory pressure takes all reservations"), resvAfterFork: constant("resvAfterFork", "who has reservations after fork: FORK_* of policy/switches.ts"),
      resvMremapMoves: constant("resvMremapMoves", "mremap moves reservations"), resvFullStaysOnLru: constant("resvFullStaysOnLru", "the shrinker looks at fully used reservations"),
      pmdEnabled: constant("pmdEnabled", "hugepages-<size of a PMD>kB/enabled: never, madvise, always, inherit"),
      debugAtomicSleep: constant("debugAtomicSleep", "allocations that may sleep are checked for spinlocks"),
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
      promotionThreshold: int(1, n("resvMechanism") === 0 ? 1 : h, "promotion_threshold: used pages that make a reservation a huge page; 1: no reservations", { guard: "atomic", init: n("promotionThreshold") }),
    }),

    /** struct page, and struct folio on its head. Fields marked (head) mean something only there. */
    page: table(n("frames"), {
      lock: mutex("PG_locked: the folio lock (head)"),
      refcount: int(0, n("refcountMax"), "_refcount (head); 0 is free or frozen", { guard: "atomic" }),
      mapcount: int(-1, mappingsMax, "_mapcount: PTE mappings of this page - 1", { guard: "atomic(mapping)" }),
      entireMapcount: int(-1, n("mms"), "_entire_mapcount: PMD mappings - 1 (head)", { guard: "atomic(mapping)" }),
      largeMapcount: int(-1, n("mms") * (h + 1) - 1, "_large_mapcount: all mappings of a large folio - 1 (head); a PMD split adds its PTEs before it removes the PMD", { guard: "atomic(mapping)" }),
      nrPagesMapped: int(0, h, "_nr_pages_mapped without ENTIRELY_MAPPED: pages of a large folio with a PTE mapping (head)", { guard: "atomic(mapping)" }),
      pincount: int(0, Math.min(n("refcountMax"), Math.max(7, h)), "_pincount: FOLL_PIN pins (head)", { guard: "atomic" }),
      order: int(0, n("maxOrder"), "order of the folio or of the free block (head)", { guard: "lifetime" }),
      head: ref("page", "compound_head(): NONE for a head or an order-0 page", { guard: "lifetime" }),
      buddy: bool("PageBuddy: heads a free block", { guard: "zone.lock" }),
      anon: bool("FOLIO_MAPPING_ANON: mapping is an anon_vma (head)", { guard: "atomic" }),
      mapping: ref("anonVma", "folio->mapping (head)", { guard: "atomic" }),
      index: int(0, n("vpnMax"), "folio->index: vm_pgoff-based page number (head)", { guard: "lifetime" }),
      swapbacked: bool("PG_swapbacked (head); clear on an anon folio: lazyfree", { guard: "lruvec.lock" }),
      lru: bool("PG_lru (head)", { guard: "lruvec.lock" }),
      active: bool("PG_active (head)", { guard: "atomic" }),
      referenced: bool("PG_referenced (head)", { guard: "atomic" }),
      dirty: bool("PG_dirty (head)", { guard: "atomic" }),
      uptodate: bool("PG_uptodate (head)", { guard: "atomic" }),
      anonExclusive: bool("PG_anon_exclusive: of the page; of a PMD mapping on the head", { guard: "atomic(mapping)" }),
      partiallyMapped: bool("PG_partially_mapped (head)", { guard: "deferredSplit.lock" }),
      deferred: bool("on the deferred split queue (head)", { guard: "deferredSplit.lock" }),
      mmId0: ref("mm", "_mm_id[0] (head)", { guard: "atomic(mapping)" }),
      mmId1: ref("mm", "_mm_id[1] (head)", { guard: "atomic(mapping)" }),
      mmIdMapcount0: int(-1, h, "_mm_id_mapcount[0] (head)", { guard: "atomic(mapping)" }),
      mmIdMapcount1: int(-1, h, "_mm_id_mapcount[1] (head)", { guard: "atomic(mapping)" }),
      maybeShared: bool("_mm_ids SHARED bit (head)", { guard: "atomic(mapping)" }),
      content: int(0, n("contents"), "what the page holds; the largest value is poison (freed)", { guard: "atomic" }),
      owner: int(NONE, n("cpus") - 1, "who has it to itself: between allocation and publication, while its folio is frozen, between the last reference and the return to the allocator", { role: "ghost", guard: "owner(referenced)" }),
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
      thpReserved: int(n("resvMechanism") === 2 ? -n("frames") : 0, n("resvMechanism") === 0 ? 0 : n("frames"), "NR_THP_RESERVED: unused pages of reservations; drifts below 0 in the patch of 2018", { guard: "atomic", init: 0 }),
    }),

    /** Per CPU: what it runs, and what it holds for later. */
    cpu: table(n("cpus"), {
      mm: ref("mm", "the address space it has loaded", { guard: "cpu" }),
      woken: bool("a child of fork may run here", { guard: "atomic" }),
      irqsOff: bool("interrupts are disabled", { guard: "cpu" }),
      rcu: bool("inside rcu_read_lock()", { guard: "cpu" }),
      walking: bool("its hardware walks a page table: a TLB flush of any kind waits for that", { guard: "cpu" }),
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
      owner: int(NONE, n("cpus") - 1, "who has it to itself: fork, until it has locked it; who dropped the last reference, until it is freed", { role: "ghost", guard: "owner(referenced)" }),
      allocated: bool("the object is in use: mm_count is not 0", { guard: "model" }),
      users: int(0, 7, "mm_users", { guard: "atomic" }),
      mmCount: int(0, 7, "mm_count", { guard: "atomic" }),
      mmapLock: rwsem("mmap_lock; fork: the parent's, then the child's, which nobody else can reach", { queued: true, nesting: "nested" }),
      pageTableLock: spinlock("page_table_lock"),
      pmdLock: spinlock("lock of the page of PMDs; fork: the child's, then the parent's", { nesting: "nested" }),
      pmd: array(n("hugeRanges"), entry("PMD entries", "pmdLock")),
      writeProtectSeq: int(0, 3, "write_protect_seq", { guard: "atomic", wrapping: true }),
      coreState: bool("core_state: its memory is being dumped", { guard: "mmapLock" }),
      anonPages: int(0, n("vpnMax"), "MM_ANONPAGES", { guard: "atomic" }),
      swapEntries: int(0, n("vpnMax"), "MM_SWAPENTS", { guard: "atomic" }),
      nrPtes: int(0, n("pageTables"), "nr_ptes: live and deposited tables", { guard: "atomic" }),
      flags: bitset(MM_FLAGS, "MMF_*; test_and_set_bit() is one operation", { guard: "atomic(flags)" }),
    }),

    vma: table(n("vmas"), {
      /** Never changes while the object is in use. That NONE stands for a free object, and the tree and the slab are searched by it, is bookkeeping. */
      mm: ref("mm", "vm_mm; NONE: the object is free", { guard: "model" }),
      owner: int(NONE, n("cpus") - 1, "who has the area to itself: made and not yet locked and linked, or detached by munmap or exit", { role: "ghost", guard: "owner(referenced)" }),
      lock: rwsem("per-VMA lock; mremap, merge and munmap write-lock several, all under mmap_lock for writing", { nesting: "nested" }),
      /** Which per-VMA locks vma_end_write_all() ends. */
      writeLocked: bool("vm_lock_seq equals mm_lock_seq: the lock is held for writing", { guard: "model" }),
      /** The entry of the area in the maple tree, whose own lock and RCU make a walk and a store one instant each. Both 0: not in the tree. */
      treeStart: int(0, n("vpnMax"), "mm_mt: first page of the area's entry", { guard: "model" }),
      treeEnd: int(0, n("vpnMax"), "mm_mt: end of the area's entry", { guard: "model" }),
      detached: bool("no longer in the tree", { guard: "mm->mmapLock | lock" }),
      start: int(0, n("vpnMax"), "vm_start, in pages", { guard: "mm->mmapLock | lock" }),
      end: int(0, n("vpnMax"), "vm_end, in pages", { guard: "mm->mmapLock | lock" }),
      pgoff: int(0, n("vpnMax"), "vm_pgoff", { guard: "mm->mmapLock | lock" }),
      flags: bitset(VM_FLAGS, "VM_*", { guard: "mm->mmapLock | lock" }),
      /** Set once while faults may look, by one of them under page_table_lock; cleared when the area has been taken out of the tree. */
      anonVma: ref("anonVma", "anon_vma", { guard: "once" }),
      /**
       * "Serialized by mmap_lock & page_table_lock": changed and walked with mmap_lock for writing, or when the area is
       * detached; its first member may also come under mmap_lock for reading with page_table_lock and the lock of the
       * root. No guard can say that. Oldest ancestor first: the kernel's list, read from its end.
       */
      anonVmaChain: ref("avc", "anon_vma_chain: first avc of this VMA", { guard: "lifetime" }),
      resvs: ref("resvs", "thp_reservations (patch of 2018); NONE: made while promotion_threshold was 1, or there was no memory", { guard: "once" }),
    }),

    anonVma: table(n("anonVmas"), {
      refcount: int(0, Math.max(7, n("anonVmas") + n("cpus")), "0: the object is free", { guard: "atomic" }),
      lock: rwsem("rwsem; the one of the root is used"),
      root: ref("anonVma", "root; NONE: the object is free", { guard: "lifetime" }),
      parent: ref("anonVma", "parent", { guard: "lifetime" }),
      numChildren: int(0, Math.max(7, n("anonVmas")), "num_children", { guard: "root->lock" }),
      numActiveVmas: int(0, Math.max(7, n("vmas")), "num_active_vmas", { guard: "root->lock" }),
      tree: ref("avc", "rb_root, in order: first avc", { guard: "root->lock" }),
    }),

    /** anon_vma_chain: an edge between a VMA and an anon_vma. Each is in two lists. */
    avc: table(n("anonVmaChains"), {
      allocated: bool("the object is in use", { guard: "model" }),
      // These three are set by anon_vma_chain_link() and as they are until the edge is freed.
      vma: ref("vma", "vma", { guard: "lifetime" }),
      anonVma: ref("anonVma", "the anon_vma in whose tree it is", { guard: "lifetime" }),
      root: ref("anonVma", "root of that anon_vma, whose lock guards the tree", { guard: "lifetime" }),
      nextInTree: ref("avc", "rb: next in the tree's order", { guard: "root->lock" }),
      /** Protected as vma.anonVmaChain is. */
      nextOfVma: ref("avc", "same_vma: next avc of the VMA", { guard: "lifetime" }),
    }),

    /** Page-table pages of PTEs. */
    ptTable: table(n("pageTables"), {
      state: int(0, 4, "free, private, live, deposited or waiting for RCU", { guard: "model" }),
      rcuReaders: bitset(n("cpus"), "waiting for RCU: CPUs whose read-side section must end first", { guard: "model" }),
      mm: ref("mm", "whose it is", { guard: "model" }),
      pmdPage: int(0, Math.ceil(n("hugeRanges") / n("pmdsPerPage")) - 1, "deposited: with which page of PMDs, pmd_huge_pte", { guard: "model" }),
      lock: spinlock("its split page-table lock (ptl); fork: that of the child, then of the parent; mremap: the old one, then the new", { nesting: "nested" }),
      pte: array(h, entry("PTEs", "lock")),
      owner: int(NONE, n("cpus") - 1, "who has it to itself: who allocated it, or took it out of the page table", { role: "ghost", guard: "owner(referenced)" }),
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
     * Reservations of areas, or of address spaces: thp_resvs. Safe: part of the object that it belongs to, which has the
     * same number. The patch of 2018 allocates it with the area, whose `resvs` points to it.
     */
    resvs: table(n("resvContainers"), {
      lock: spinlock("res_hash_lock; two at once under mmap_lock for writing", { nesting: "nested" }),
      allocated: bool("in use (patch of 2018)", { guard: "model" }),
      hash: array(n("hugeRanges"), ref("resv", "res_hash: the reservation of each huge range", { guard: "lock" })),
    }),
    /** struct thp_reservation. The base pages lie one after the other; a page that was not handed out has one reference, the reservation's. */
    resv: table(n("reservations"), {
      allocated: bool("in use", { guard: "model" }),
      container: ref("resvs", "whose hash it is in; its lock", { guard: "resvLru.lock" }),
      haddr: int(0, n("vpnMax"), "first page of its huge range", { guard: "container->lock" }),
      page: ref("page", "first page of its block", { guard: "lifetime" }),
      unused: int(0, h, "nr_unused: pages that were not handed out", { guard: "container->lock" }),
      used: array(h, bool("handed out", { guard: "container->lock" })),
      vma: ref("vma", "its area (patch of 2018)", { guard: "container->lock" }),
      owner: int(NONE, n("cpus") - 1, "who has it to itself: who took it out of the hash, until it is freed", { role: "ghost", guard: "owner(referenced)" }),
    }),
    /** thp_reservations_lru, of the node that the pages are on, in the order in which the shrinker looks at them. */
    resvLru: struct({
      lock: spinlock("list_lru_node.lock"),
      length: int(0, n("reservations"), "reservations on the list", { guard: "lock" }),
      items: array(n("reservations"), ref("resv", "from the first one to be looked at", { guard: "lock" })),
    }),

    /** The attempt to collapse that each CPU is making: ghosts, kept by khugepaged/announce.ts for the machine `collapse`; why, in abstraction/collapse.ts. */
    collapse: table(n("cpus"), {
      stage: int(COLLAPSE_IDLE, COLLAPSE_POISONED, "COLLAPSE_*", { role: "ghost", guard: "model" }),
      range: int(-1, n("mms") * n("hugeRanges") - 1, "the huge range, mm * ranges + index; -1 while idle", { role: "ghost", guard: "model" }),
      table: ref("ptTable", "the table that it holds, from when the PMD entry is cleared until it is set again", { role: "ghost", guard: "model" }),
      promotion: int(PROMOTION_NONE, n("resvMechanism") === 0 ? PROMOTION_NONE : PROMOTION_INSTALLED, "PROMOTION_*, where it promotes a reservation", { role: "ghost", guard: "model" }),
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

    /** How often each tracepoint of huge_memory was passed, by its status: SCAN_* of khugepaged/scan-result.ts. */
    tracepoint: struct({
      khugepagedScanPmd: array(32, int(0, 0xffff_ffff, "mm_khugepaged_scan_pmd", { role: "statistic" })),
      collapseHugePage: array(32, int(0, 0xffff_ffff, "mm_collapse_huge_page", { role: "statistic" })),
    }),

    /** /proc/vmstat events. */
    vmstat: struct({
      ...events("thpFaultAlloc", "thpFaultFallback", "thpFaultFallbackCharge", "thpCollapseAlloc", "thpCollapseAllocFailed", "thpZeroPageAlloc", "thpZeroPageAllocFailed",
        "thpSplitPage", "thpSplitPageFailed", "thpDeferredSplitPage", "thpUnderusedSplitPage", "thpSplitPmd", "thpScanExceedNonePte", "thpScanExceedSwapPte", "thpScanExceedSharedPte",
        "pgfault", "pglazyfree", "pglazyfreed", "khugepagedPagesCollapsed", "khugepagedFullScans", "khugepagedResPagesCollapsed", "thpResAlloc", "thpResAllocFailed"),
    }),
  };
}

function events<const N extends string>(...names: readonly N[]): { readonly [K in N]: ReturnType<typeof int> } {
  return Object.fromEntries(names.map((name) => [name, int(0, 0xffff_ffff, `events: ${name}`, { role: "statistic" })])) as { readonly [K in N]: ReturnType<typeof int> };
}

export type KernelStructs = ReturnType<typeof kernelStructs>;
/** The world of a kernel. */
export type Kernel = World<KernelStructs>;
