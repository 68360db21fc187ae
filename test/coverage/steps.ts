/**
 * The atomic steps of six operations, as a reader of the kernel would list them, and where each is in `impl/`: the yield
 * that begins it, or the step that it is part of and why that loses nothing, or the part that is not modelled.
 *
 * Between two yields a block is atomic by Lipton's rule: acquisitions commute to the right, releases to the left, what a
 * held lock protects or nobody else can reach commutes both ways, and at most one other action stands between. "with"
 * names the step whose block contains the item. `steps.test.ts` compares the labels with the compiled program.
 */

/** A step that begins at yields of its own, "routine: label"; where there are several, one after the other or in turn. */
interface OwnStep { readonly labels: readonly string[]; readonly note?: string }
/** A step that belongs to the block of another item of the same operation. */
interface PartOfStep { readonly with: string; readonly because: string }
/** A step that this kernel does not have. */
interface MissingStep { readonly missing: string }

export type StepItem = { readonly item: string; readonly does: string } & (OwnStep | PartOfStep | MissingStep);

export interface Operation {
  readonly title: string;
  readonly items: readonly StepItem[];
}

const PRIVATE_PAGE = "the page is nobody else's until it is mapped: commutes both ways";
const UNDER_PTL = "protected by the page-table lock that the step has taken: commutes both ways";
const RELEASE = "a release commutes to the left";
const NO_NOTIFIERS = "mmu notifiers: there is no secondary MMU";
const MTHP = "sizes between a page and a huge page";

export const HUGE_FAULT: Operation = {
  title: "write fault that a huge page answers",
  items: [
    { item: "F1", does: "lock the VMA, or mmap_lock, for reading", labels: ["lockVmaUnderRcu: lock_vma_under_rcu", "mmapReadLock: down_read(mm.mmapLock)"] },
    { item: "F2", does: "read the PMD without a lock", labels: ["handleMmFault: pmdp_get_lockless"] },
    { item: "F3", does: "allocate the folio; may fail", labels: ["allocFolio: spin_lock(zone.lock)", "allocFolio: prep_compound_page"] },
    { item: "F4", does: "charge it; may fail", with: "F3", because: "whether the charge fails is a choice that touches nothing another thread sees: commutes both ways" },
    { item: "F5", does: "zero it", with: "F3", because: PRIVATE_PAGE },
    { item: "F6", does: "allocate the table to be deposited; may fail", labels: ["pteAllocOne: pte_alloc_one"] },
    { item: "F7", does: "take the PMD lock", labels: ["doHugeAnonymousPage: spin_lock(mm.pmdLock)"] },
    { item: "F8", does: "look again: PMD still none, memory stable", with: "F7", because: "the lock just taken protects the PMD: acquisition, then what it covers (userfaultfd, also asked here, is not modelled)" },
    { item: "F9", does: "deposit the table", with: "F7", because: "protected by the PMD lock" },
    { item: "F10", does: "reverse map, LRU, PMD entry, split queue, counters", labels: ["lruAddDrainCpu: spin_lock(lruvec.lock)", "folioPutRefs: folio_put", "mapAnonFolioPmdNopf: set_pmd_at", "deferredSplitFolio: spin_lock(deferredSplit.lock)"], note: "reverse map and counters, of a page that nobody else has, with F7" },
    { item: "F11", does: "drop the PMD lock", with: "F10", because: RELEASE },
    { item: "F12", does: "drop the VMA lock or mmap_lock", with: "F10", because: RELEASE },
    { item: "Fx", does: "failure exits: give back folio and table", labels: ["folioPutRefs: folio_put"], note: "the table is private: freeing it belongs to the step before" },
  ],
};

export const SMALL_FAULT: Operation = {
  title: "write fault that a small page answers",
  items: [
    { item: "f1", does: "lock the VMA, or mmap_lock, for reading", labels: ["lockVmaUnderRcu: lock_vma_under_rcu", "mmapReadLock: down_read(mm.mmapLock)"] },
    { item: "f2", does: "no table: allocate one and install it, unless somebody was faster", labels: ["pteAlloc: pte_alloc: pmd_none", "pteAllocOne: pte_alloc_one", "pteAlloc: spin_lock(mm.pmdLock)"] },
    { item: "f3", does: "read the PTE without a lock", labels: ["handlePteFault: ptep_get_lockless"] },
    { item: "f4", does: "choose the size by reading the PTEs around", missing: MTHP },
    { item: "f5", does: "allocate, charge, zero", labels: ["allocFolio: spin_lock(zone.lock)", "allocFolio: prep_compound_page"], note: "charge and zeroing with the allocation, as in F4 and F5" },
    { item: "f6", does: "read the PMD, take the table's lock, read the PMD again", labels: ["pteOffsetMapLock: pte_offset_map", "pteOffsetMapLock: spin_lock(ptTable.lock)", "pteOffsetMapLock: pte_offset_map_lock: pmd_same"], note: "the second look at the PMD with the lock; what the caller does then is the last" },
    { item: "f7", does: "look again: PTE still none", with: "f6", because: UNDER_PTL },
    { item: "f8", does: "references, counters, reverse map, LRU, PTE", labels: ["lruAddDrainCpu: spin_lock(lruvec.lock)", "folioPutRefs: folio_put", "doAnonymousPage: set_pte_at"], note: "reverse map and counters, of a page that nobody else has, with f6" },
    { item: "f9", does: "drop the locks", with: "f8", because: RELEASE },
  ],
};

export const COLLAPSE: Operation = {
  title: "collapse of a huge range",
  items: [
    { item: "K1", does: "mmap_lock for reading; khugepaged only tries", labels: ["mmapReadLock: down_read(mm.mmapLock)", "collapseScanMmSlot: mmap_read_trylock"] },
    { item: "K2", does: "read the PMD", labels: ["collapseScanPmd: find_pmd_or_thp_or_none"] },
    { item: "K3", does: "take the table's lock", labels: ["pteOffsetMapLock: pte_offset_map", "pteOffsetMapLock: spin_lock(ptTable.lock)"] },
    { item: "K4.i", does: "check each PTE and its page", labels: ["pteOffsetMapLock: pte_offset_map_lock: pmd_same", "scanPtes: collapse_scan_pmd: pte"], note: "the first with the caller's step behind K3" },
    { item: "K5", does: "drop the table's lock", with: "K4.i", because: RELEASE },
    { item: "K6", does: "drop mmap_lock", with: "K4.i", because: RELEASE },
    { item: "K7", does: "allocate the huge page; may fail", labels: ["allocFolio: spin_lock(zone.lock)", "allocFolio: prep_compound_page"] },
    { item: "K8", does: "charge it; may fail", with: "K7", because: "whether the charge fails is a choice that touches nothing another thread sees: commutes both ways" },
    { item: "K9", does: "mmap_lock for reading", labels: ["mmapReadLock: down_read(mm.mmapLock)"] },
    { item: "K10", does: "look for VMA and PMD again", labels: ["prepareUnderReadLock: find_pmd_or_thp_or_none"], note: "the VMA with K9, which protects it" },
    { item: "K11", does: "bring in what is not present", labels: ["collapseHugePageSwapin: __collapse_huge_page_swapin: pte", "migrationEntryWait: migration_entry_wait_on_locked"] },
    { item: "K12", does: "drop mmap_lock", with: "K11", because: RELEASE },
    { item: "K13", does: "mmap_lock for writing", labels: ["mmapWriteLock: down_write(mm.mmapLock): arrive", "mmapWriteLock: down_write(mm.mmapLock)"] },
    { item: "K14", does: "look for the VMA again", with: "K13", because: "protected by mmap_lock, just taken" },
    { item: "K15", does: "VMA lock for writing: wait for faults under it", labels: ["vmaStartWrite: down_write(vma.lock)"] },
    { item: "K16", does: "the PMD still leads to a table", labels: ["lockHugeRange: check_pmd_still_valid"] },
    { item: "K17", does: "anon_vma lock for writing", labels: ["anonVmaLockWrite: down_write(anonVma.lock)"] },
    { item: "K18", does: "notifier start", missing: NO_NOTIFIERS },
    { item: "K19", does: "take the PMD lock", labels: ["detachPageTable: spin_lock(mm.pmdLock)"] },
    { item: "K20", does: "clear the PMD", with: "K19", because: "acquisition, then the one store that lockless readers see" },
    { item: "K21", does: "flush: wait for each CPU to take the interrupt", labels: ["flushTlbRange: flush_tlb_range: ipi"], note: "CPUs that have nothing cached, and this one, with K20: their flush changes nothing that anybody can tell" },
    { item: "K22", does: "drop the PMD lock", with: "K21", because: RELEASE },
    { item: "K23", does: "notifier end", missing: NO_NOTIFIERS },
    { item: "K24", does: "wait for each CPU with interrupts off", labels: ["tlbRemoveTableSyncOne: tlb_remove_table_sync_one", "tlbRemoveTableSyncOne: tlb_remove_table_sync_one: ipi"] },
    { item: "K25", does: "take the lock of the detached table", labels: ["detachPageTable: spin_lock(ptTable.lock)"] },
    { item: "K26.i", does: "each page: lock, compare references, isolate", labels: ["collapseHugePageIsolate: __collapse_huge_page_isolate: pte", "isolateFolio: folio_trylock", "isolateFolio: folio_expected_ref_count", "isolateFolio: folio_ref_count", "folioIsolateLru: spin_lock(lruvec.lock)", "folioIsolateLru: folio_get"], note: "the first with K25" },
    { item: "K26f", does: "failure: release what is isolated", labels: ["isolateFolio: folio_unlock", "releasePtePages: release_pte_pages: pte", "releasePteFolio: release_pte_folio", "folioPutbackLru: folio_putback_lru"] },
    { item: "K26g", does: "failure: put the table back", labels: ["reattachTable: spin_lock(mm.pmdLock)"] },
    { item: "K27", does: "drop the table's lock", with: "K26.i", because: RELEASE },
    { item: "K28", does: "drop the anon_vma lock", with: "K26.i", because: RELEASE },
    { item: "K29.i", does: "copy each page; may meet poison", labels: ["collapseHugePageCopy: __collapse_huge_page_copy"] },
    { item: "K30.i", does: "each PTE: clear, unmap, put", labels: ["releasePteFolio: release_pte_folio", "folioPutbackLru: folio_putback_lru", "collapseHugePageCopySucceeded: spin_lock(ptTable.lock)", "collapseHugePageCopySucceeded: folio_remove_rmap_pte", "folioPutRefs: folio_put"] },
    { item: "K31", does: "the new page is up to date", with: "K29.i", because: PRIVATE_PAGE },
    { item: "K32", does: "take the PMD lock", labels: ["mapCollapsedFolio: spin_lock(mm.pmdLock)"] },
    { item: "K33", does: "deposit the table, map the huge page", labels: ["lruAddDrainCpu: spin_lock(lruvec.lock)", "folioPutRefs: folio_put", "mapAnonFolioPmdNopf: set_pmd_at"], note: "deposit and reverse map, of a table and a page that nobody else has, with K32; filling the old table in place of a huge entry: sizes below the PMD are not modelled" },
    { item: "K34", does: "drop the PMD lock", with: "K33", because: RELEASE },
    { item: "K35", does: "drop the anon_vma lock", missing: MTHP },
    { item: "K36", does: "drop mmap_lock", labels: ["collapseHugePage: mmap_write_unlock"] },
  ],
};

export const SPLIT: Operation = {
  title: "split of a folio into pages",
  items: [
    { item: "S1", does: "folio lock and a reference, by the caller", labels: ["splitQueued: folio_trylock", "madviseFreeHugePmd: folio_trylock", "madviseFreeHugePmd: folio_get", "doHugePmdWpPage: mutex_lock(page.lock)"] },
    { item: "S2", does: "reference to the anon_vma", labels: ["folioGetAnonVma: S2: folio_get_anon_vma", "folioGetAnonVma: folio_mapped"] },
    { item: "S3", does: "its lock for writing", labels: ["anonVmaLockWrite: down_write(anonVma.lock)"] },
    { item: "S4", does: "compare the references with the mappings", labels: ["splitUnderAnonVma: S4: folio_expected_ref_count", "splitUnderAnonVma: S4: folio_ref_count"] },
    {
      item: "S5.v", does: "each VMA: split the PMD, then each PTE becomes a migration entry", labels: [
        "pageVmaMappedWalk: pmdp_get_lockless", "pageVmaMappedWalk: spin_lock(mm.pmdLock)", "pmdpInvalidate: pmdp_establish", "splitHugePmdLocked: split_huge_pmd: fill PTEs", "splitHugePmdLocked: folio_remove_rmap_pmd",
        "splitHugePmdLocked: pmd_populate", "pteOffsetMapLock: spin_lock(ptTable.lock)", "ptepClearFlush: ptep_get_and_clear", "folioTryShareAnonRmapPte: ClearPageAnonExclusive", "tryToMigrateOne: S5: set_pte_at",
        "tryToMigrateOne: folio_remove_rmap_pte", "tryToMigrateOne: folio_put",
      ],
      note: "without the notifiers around it: there is no secondary MMU",
    },
    { item: "S6", does: "flush what was deferred", with: "S5.v", because: "each entry is flushed as it is cleared, which the kernel does where unmapping is not batched" },
    { item: "S7", does: "interrupts off", with: "S8", because: "masking interrupts only holds others back: commutes to the right" },
    { item: "S8", does: "freeze the reference count", labels: ["freezeFolio: S8: folio_ref_freeze"] },
    { item: "S9", does: "off the deferred split queue", labels: ["folioUnqueueDeferredSplit: spin_lock(deferredSplit.lock)"] },
    { item: "S10", does: "take lru_lock", labels: ["splitFrozenFolio: spin_lock(lruvec.lock)"] },
    { item: "S11.i", does: "prepare each tail, lock included; the head is one no more", labels: ["splitFrozenToOrder: S11: PG_locked", "splitFrozenToOrder: S11: clear_compound_head"], note: "the fields of pages whose count is 0, by which nobody can take a reference to look, with these" },
    { item: "S12.i", does: "unfreeze each tail, put it on the LRU", labels: ["splitFrozenFolio: S12: folio_ref_unfreeze", "splitFrozenFolio: lru_add_split_folio"] },
    { item: "S13", does: "unfreeze the head", labels: ["splitFrozenFolio: S13: folio_ref_unfreeze"] },
    { item: "S14", does: "drop lru_lock, interrupts on", with: "S13", because: RELEASE },
    { item: "S15.v", does: "each VMA, each PTE: map again", labels: ["pageVmaMappedWalk: pmdp_get_lockless", "pteOffsetMapLock: spin_lock(ptTable.lock)", "removeMigrationPte: folio_get", "removeMigrationPte: folio_add_anon_rmap_pte", "removeMigrationPte: set_pte_at"] },
    { item: "S16.i", does: "unlock and put each part", labels: ["splitUnderAnonVma: S16: folio_unlock", "folioPutRefs: folio_put"] },
    { item: "S17", does: "drop the anon_vma lock", with: "S16.i", because: `${RELEASE}; its reference goes in a step of its own` },
  ],
};

export const GUP_FAST: Operation = {
  title: "get_user_pages_fast()",
  items: [
    { item: "G1", does: "read write_protect_seq", labels: ["gupFast: G1: raw_read_seqcount(write_protect_seq)"] },
    { item: "G2", does: "interrupts off", labels: ["gupFast: G2: local_irq_save"] },
    { item: "G3", does: "read the PMD", labels: ["gupFastPmd: G3: pmdp_get_lockless"] },
    { item: "G4", does: "read the PTE", labels: ["gupFastPte: G4: ptep_get_lockless"] },
    { item: "G5", does: "find the folio, try to take a reference", labels: ["tryGrabFolioFast: G5: page_folio", "tryGrabFolioFast: G5: folio_ref_try_add"] },
    { item: "G6", does: "the page still belongs to the folio", labels: ["tryGrabFolioFast: G6: page_folio again"] },
    { item: "G7", does: "pin", labels: ["tryGrabFolioFast: G7: atomic_add(_pincount)"] },
    { item: "G8", does: "read PMD and PTE again", labels: ["gupFastPte: G8: pmd again", "gupFastPte: G8: pte again", "gupFastPmd: G8: pmd again"] },
    { item: "G9", does: "the page is exclusive", labels: ["gupFastPte: G9: PageAnonExclusive", "gupFastPmd: G9: PageAnonExclusive"] },
    { item: "G10", does: "interrupts on", labels: ["gupFast: G10: local_irq_restore"] },
    { item: "G11", does: "write_protect_seq as before", labels: ["gupFast: G11: read_seqcount_retry(write_protect_seq)"] },
    { item: "Gx", does: "undo at any mismatch", labels: ["gupPutFolio: atomic_sub(_pincount)", "folioPutRefs: folio_put"] },
  ],
};

export const ZAP: Operation = {
  title: "munmap() and MADV_DONTNEED",
  items: [
    { item: "Z1", does: "mmap_lock for writing; for MADV_DONTNEED the VMA lock, or mmap_lock, for reading", labels: ["mmapWriteLock: down_write(mm.mmapLock)", "lockVmaUnderRcu: lock_vma_under_rcu", "mmapReadLock: down_read(mm.mmapLock)"] },
    { item: "Z2", does: "split the huge PMDs that the ends cut", labels: ["splitHugePmd: spin_lock(mm.pmdLock)", "splitHugePmdLocked: split_huge_pmd: fill PTEs", "splitHugePmdLocked: pmd_populate"] },
    { item: "Z3", does: "take the VMAs out of the tree", labels: ["vmaStartWrite: down_write(vma.lock)", "gatherMunmapVmas: vma_mark_detached"] },
    { item: "Z4", does: "huge PMD: read; lock, look again, clear, unmap, count, withdraw the table, unlock, gather", labels: ["unmapPageRange: zap: pmdp_get_lockless", "zapHugePmd: spin_lock(mm.pmdLock)", "zapHugePmd: pmdp_huge_get_and_clear", "zapHugePmd: folio_remove_rmap_pmd", "zapHugePmd: zap_deposited_table"] },
    { item: "Z5", does: "the same for each PTE", labels: ["pteOffsetMapLock: pte_offset_map", "pteOffsetMapLock: spin_lock(ptTable.lock)", "zapPteRange: ptep_get_and_clear", "zapPteRange: folio_remove_rmap_ptes"] },
    { item: "Z6", does: "leave the reverse map, then free the tables", labels: ["anonVmaLockWrite: down_write(anonVma.lock)", "freePgtables: free_pte_range: pmd_clear", "tryToFreePte: pmd_clear"], note: "MADV_DONTNEED, with CONFIG_PT_RECLAIM: tables that it has emptied" },
    { item: "Z7", does: "flush", labels: ["flushTlbRange: flush_tlb_range: ipi"], note: "CPUs that have nothing cached, and this one, with the step before" },
    { item: "Z8", does: "free the gathered pages", labels: ["folioPutRefs: folio_put", "freeFolio: spin_lock(zone.lock)"] },
    { item: "Z9", does: "free the VMAs", labels: ["vmAreaFree: vm_area_free"] },
  ],
};

export const OPERATIONS: readonly Operation[] = [HUGE_FAULT, SMALL_FAULT, COLLAPSE, SPLIT, GUP_FAST, ZAP];
