/**
 * Page tables: mm/pgtable-generic.c, and of mm/memory.c what allocates and installs tables of PTEs.
 *
 * An address space has one array of PMD entries under one lock, and tables of PTEs that are objects of a pool, each
 * with its own lock. A table is free, private to the thread that allocated or unlinked it, live (a PMD entry points
 * to it), deposited (kept for the split of a huge PMD, which therefore never has to allocate), or waiting for RCU.
 * Deposited tables are empty and alike, so it makes no difference which of them a withdrawal takes. It takes the one
 * with the lowest number; the kernel takes the oldest.
 */
import { NONE, at, choose, current, emit, spinLock, spinUnlock, type LockId, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { mmIsFree, tableIsFree } from "./dead-object.ts";
import { shortageIsSeen } from "./lost-function.ts";
import type { Kernel } from "./mm-types.ts";
import { TABLE_DEPOSITED, TABLE_FREE, TABLE_LIVE, TABLE_PRIVATE } from "./structs/page-table.ts";
import type { Entry, Mm, Table, Vpn } from "./structs/types.ts";
import { announceDetached } from "./khugepaged/announce.ts";
import {
  ENTRY_NONE, LEAF, PRESENT, PROTNONE, entryTarget, hpageAddress, mkPmdTable, pmdIndex, pmdNone, pmdTable, pmdTransHuge, pteIndex,
  ptePresent,
} from "./pgtable.ts";
import { callRcuTable, freeTable, rcuReadLock, rcuReadUnlock } from "./rcu.ts";
import { flushTlbRange } from "./tlb.ts";

// ---- PMD entries -----------------------------------------------------------------------------------------------

/** The PMD entry of `vpn`. @holds pmd lock @kernel include/linux/pgtable.h pmdp_get() */
export function pmdpGet(k: Kernel, mm: Mm, vpn: Vpn): Entry {
  return k.mm.pmd.get(mm, pmdIndex(k, vpn));
}

/** The same without the lock, on a preemption point of its own. @kernel include/linux/pgtable.h pmdp_get_lockless() */
export function pmdpGetLockless(k: Kernel, mm: Mm, vpn: Vpn): Entry {
  return k.mm.pmd.once(mm, pmdIndex(k, vpn));
}

/**
 * Stores an entry over one that nobody can use: none, or invalidated. The caller announces what it means.
 * @holds pmd lock
 * @kernel arch/x86/include/asm/pgtable.h set_pmd_at()
 */
export function setPmdAt(k: Kernel, mm: Mm, vpn: Vpn, entry: Entry): void {
  k.mm.pmd.set(mm, pmdIndex(k, vpn), entry);
}

/** @kernel include/linux/mm.h pmd_lockptr() */
export function pmdLockptr(k: Kernel, mm: Mm): LockId {
  vmBugOn(mmIsFree(k, mm), "use after free: the PMD lock of an mm that is gone");
  return k.mm.pmdLock.at(mm);
}

/** The lock of the table's entries. @kernel include/linux/mm.h pte_lockptr() */
export function ptlOf(k: Kernel, table: Table): LockId {
  vmBugOn(tableIsFree(k, table), "use after free: the lock of a page table that has been freed");
  return k.ptTable.lock.at(table);
}

/**
 * Points the PMD entry to the table, whose entries walkers see from now on. The caller announces why.
 * @holds pmd lock
 * @kernel arch/x86/include/asm/pgalloc.h pmd_populate()
 */
export function pmdPopulate(k: Kernel, mm: Mm, vpn: Vpn, table: Table): void {
  vmBugOn(
    k.ptTable.state.get(table) !== TABLE_PRIVATE || k.ptTable.mm.get(table) !== mm,
    "pgtable-generic: pmd_populate() of a table that is not the caller's",
  );
  k.ptTable.state.set(table, TABLE_LIVE);
  k.mm.pmd.set(mm, pmdIndex(k, vpn), mkPmdTable(table));
  k.ptTable.owner.set(table, NONE);
}

/**
 * Unlinks the table of `vpn`, which is the caller's from now on. Neither flushes nor counts.
 * @holds pmd lock, or nobody else can reach the mm
 * @kernel mm/memory.c free_pte_range(): pmd_clear()
 */
export function pmdClearTable(k: Kernel, mm: Mm, vpn: Vpn): Table {
  const table = takeTable(k, mm, vpn);
  emit(k, EV.PMD_CLEAR, mm, pmdIndex(k, vpn), table);
  return table;
}

function takeTable(k: Kernel, mm: Mm, vpn: Vpn): Table {
  const pmd = k.mm.pmd.xchg(mm, pmdIndex(k, vpn), ENTRY_NONE);
  vmBugOn(!pmdTable(pmd), "pgtable-generic: unlinking a table where there is none");
  const table = entryTarget(pmd);
  vmBugOn(k.ptTable.state.get(table) !== TABLE_LIVE, "pgtable-generic: a PMD entry points to a table that is not live");
  k.ptTable.state.set(table, TABLE_PRIVATE);
  return table;
}

// ---- tables ----------------------------------------------------------------------------------------------------

/**
 * An empty table, private to the caller; NONE when there is no memory. Tables come from a pool of their own, in one
 * step: the page allocator that the kernel asks does it under its own lock.
 * @kernel include/asm-generic/pgalloc.h pte_alloc_one()
 */
export function* pteAllocOne(k: Kernel, mm: Mm): Routine<Table> {
  yield at("pte_alloc_one");
  const fails: boolean = k.param.allocationMayFail.get() !== 0 && choose(k, "pte_alloc_one fails", 2) === 1;
  const table: Table = fails ? NONE : firstTable(k, TABLE_FREE, NONE, 0);
  if (table === NONE) {
    shortageIsSeen(k);
    return NONE;
  }
  k.ptTable.state.set(table, TABLE_PRIVATE);
  k.ptTable.mm.set(table, mm);
  k.ptTable.owner.set(table, current(k));
  emit(k, EV.TABLE_ALLOC, table, mm);
  return table;
}

/**
 * Frees a table that was never visible to anybody else, or that only lock holders could see.
 * @kernel include/asm-generic/pgalloc.h pte_free()
 */
export function* pteFree(k: Kernel, table: Table): Routine {
  yield at("pte_free");
  vmBugOn(k.ptTable.state.get(table) !== TABLE_PRIVATE, "pgtable-generic: pte_free() of a table that is reachable, deposited or free");
  tableDisown(k, table);
  freeTable(k, table);
}

/** Frees a table that lockless walkers may still see, after an RCU grace period. @kernel mm/pgtable-generic.c pte_free_defer() */
export function pteFreeDefer(k: Kernel, table: Table): void {
  tableDisown(k, table);
  callRcuTable(k, table);
}

/**
 * Makes sure that the PMD entry of `vpn` is not none: installs an empty table unless somebody else was faster. False
 * when there is no memory for it.
 * @kernel mm/memory.c pte_alloc(), __pte_alloc(), pmd_install()
 */
export function* pteAlloc(k: Kernel, mm: Mm, vpn: Vpn): Routine<boolean> {
  yield at("pte_alloc: pmd_none");
  if (!pmdNone(pmdpGetLockless(k, mm, vpn))) return true;
  const table: Table = yield* pteAllocOne(k, mm);
  if (table === NONE) return false;
  yield* spinLock(k, pmdLockptr(k, mm));
  const installed: boolean = pmdNone(pmdpGet(k, mm, vpn));
  if (installed) {
    yield at("pmd_populate");
    k.mm.nrPtes.add(mm, 1);
    pmdPopulate(k, mm, vpn, table);
    emit(k, EV.PMD_POPULATE, mm, pmdIndex(k, vpn), table);
  }
  spinUnlock(k, pmdLockptr(k, mm));
  if (!installed) yield* pteFree(k, table);
  return true;
}

/**
 * The table of `vpn` with its lock held, or NONE where the PMD entry points to none. The entry is read without a lock,
 * so it is read again when the lock is held; RCU keeps the table from being freed while its lock is waited for.
 * @holds what keeps the address space: mmap_lock, the VMA's lock or a reverse-map lock
 * @kernel mm/pgtable-generic.c pte_offset_map_lock()
 */
export function* pteOffsetMapLock(k: Kernel, mm: Mm, vpn: Vpn): Routine<Table> {
  for (;;) {
    yield at("pte_offset_map");
    const pmd: Entry = pmdpGetLockless(k, mm, vpn);
    if (!pmdTable(pmd)) return NONE;
    const table: Table = entryTarget(pmd);
    rcuReadLock(k);
    yield* spinLock(k, ptlOf(k, table));
    const freed = tableIsFree(k, table) || k.ptTable.mm.get(table) !== mm;
    vmBugOn(freed, "use after free: the lock of a page table is taken that has been freed while it was waited for");
    const same = pmdpGetLockless(k, mm, vpn) === mkPmdTable(table);
    if (!same) spinUnlock(k, ptlOf(k, table));
    // The kernel stays in RCU until the table is unmapped; a live table is kept by its lock as well.
    rcuReadUnlock(k);
    if (same) {
      // Reading the PMD entry again and what the caller does to the table are two steps.
      yield at("pte_offset_map_lock: pmd_same");
      return table;
    }
  }
}

/**
 * Number of the page of PMDs that has the entry of `vpn`. All pages of PMDs of an mm share one lock here, but each
 * has its own deposits.
 * @kernel include/linux/mm.h pmd_pgtable_page()
 */
export function pmdPage(k: Kernel, vpn: Vpn): number {
  return Math.floor(pmdIndex(k, vpn) / k.param.pmdsPerPage.get());
}

/**
 * Keeps a table for the split of the huge PMD of `vpn`, with the page of PMDs that has the entry. The caller counts a
 * new table in nr_ptes, and calls tableDisown() when it has set the PMD entry. Nobody else withdraws the table before
 * the lock is released.
 * @holds pmd lock
 * @kernel mm/pgtable-generic.c pgtable_trans_huge_deposit()
 */
export function pgtableTransHugeDeposit(k: Kernel, mm: Mm, vpn: Vpn, table: Table): void {
  vmBugOn(
    k.ptTable.state.get(table) !== TABLE_PRIVATE || k.ptTable.mm.get(table) !== mm,
    "pgtable-generic: the deposit of a table that is not the caller's",
  );
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
    vmBugOn(k.ptTable.pte.once(table, i) !== ENTRY_NONE, "pgtable-generic: the deposit of a table that is not empty");
  }
  k.ptTable.state.set(table, TABLE_DEPOSITED);
  k.ptTable.pmdPage.set(table, pmdPage(k, vpn));
  emit(k, EV.TABLE_DEPOSIT, table, mm);
}

/**
 * A table that was taken out of the page table is this thread's. Called right after the operation from which on
 * nobody else looks at its entries.
 * @model the sanitizers are told who owns a table
 */
export function tableOwn(k: Kernel, table: Table): void {
  k.ptTable.owner.set(table, current(k));
}

/** The table is no longer one thread's. Called right after the operation that makes it so. @model see tableOwn() */
export function tableDisown(k: Kernel, table: Table): void {
  k.ptTable.owner.set(table, NONE);
}

/**
 * A table deposited with the page of PMDs that `vpn` is in, private to the caller and empty.
 * @holds pmd lock
 * @kernel mm/pgtable-generic.c pgtable_trans_huge_withdraw()
 */
export function pgtableTransHugeWithdraw(k: Kernel, mm: Mm, vpn: Vpn): Table {
  const table = firstTable(k, TABLE_DEPOSITED, mm, pmdPage(k, vpn));
  vmBugOn(table === NONE, "pgtable-generic: a huge PMD has no deposited table");
  k.ptTable.state.set(table, TABLE_PRIVATE);
  k.ptTable.pmdPage.set(table, 0);
  k.ptTable.owner.set(table, current(k));
  emit(k, EV.TABLE_WITHDRAW, table, mm);
  return table;
}

/** The table of this mm (NONE: of nobody) in this state with the lowest number, or NONE; of deposited ones, with this page of PMDs. */
function firstTable(k: Kernel, state: number, mm: Mm, page: number): Table {
  for (let table = 0; table < k.ptTable.count; table++) {
    if (k.ptTable.state.get(table) === state && k.ptTable.mm.get(table) === mm && k.ptTable.pmdPage.get(table) === page) return table;
  }
  return NONE;
}

// ---- changing entries that are in use --------------------------------------------------------------------------
// The hardware may set accessed and dirty bits in an entry until it is replaced. Replacing it is one exchange, and
// the entry that the exchange returns counts, not the one that was read before.

/**
 * Makes a huge entry unusable for the hardware but recognisable for the kernel, and flushes. After it returns, no CPU
 * uses the huge translation or sets bits in it. Returns the entry as it was, with the bits that the hardware set
 * until the exchange. The invalid entry has the bits of `seen`, which the caller read under the lock.
 * @holds pmd lock
 * @kernel mm/pgtable-generic.c pmdp_invalidate(), arch/x86/include/asm/pgtable.h pmdp_establish()
 */
export function* pmdpInvalidate(k: Kernel, mm: Mm, vpn: Vpn, seen: Entry): Routine<Entry> {
  yield at("pmdp_establish");
  const old: Entry = k.mm.pmd.xchg(mm, pmdIndex(k, vpn), (seen & ~(PRESENT | PROTNONE)) | LEAF);
  vmBugOn(!pmdTransHuge(old), "pgtable-generic: pmdp_invalidate() of what is no huge mapping");
  emit(k, EV.PMD_INVALIDATE, mm, pmdIndex(k, vpn));
  yield* flushPmdRange(k, mm, vpn);
  return old;
}

/**
 * Clears a huge entry and flushes. Returns the entry as it was.
 * @holds pmd lock
 * @kernel mm/pgtable-generic.c pmdp_huge_clear_flush()
 */
export function* pmdpHugeClearFlush(k: Kernel, mm: Mm, vpn: Vpn): Routine<Entry> {
  yield at("pmdp_huge_get_and_clear");
  const old: Entry = k.mm.pmd.xchg(mm, pmdIndex(k, vpn), ENTRY_NONE);
  vmBugOn(!pmdTransHuge(old), "pgtable-generic: pmdp_huge_clear_flush() of what is no huge mapping");
  emit(k, EV.PMD_CLEAR, mm, pmdIndex(k, vpn), NONE);
  yield* flushPmdRange(k, mm, vpn);
  return old;
}

/**
 * Takes the table of PTEs out and flushes the translations that came from it. Returns the entry as it was. The table
 * is private to the caller, though walkers with interrupts off may still be in it.
 * @holds pmd lock, mmap_lock for writing
 * @kernel mm/pgtable-generic.c pmdp_collapse_flush()
 */
export function* pmdpCollapseFlush(k: Kernel, mm: Mm, vpn: Vpn): Routine<Entry> {
  const table: Table = takeTable(k, mm, vpn);
  announceDetached(k, mm, vpn, table);
  yield* flushPmdRange(k, mm, vpn);
  return mkPmdTable(table);
}

function* flushPmdRange(k: Kernel, mm: Mm, vpn: Vpn): Routine {
  yield* flushTlbRange(k, mm, hpageAddress(k, vpn), hpageAddress(k, vpn) + k.param.hpagePmdNr.get());
}

/**
 * Clears a PTE, and flushes the page if the hardware could use it. Returns the entry as it was.
 * @holds the table's lock
 * @kernel mm/pgtable-generic.c ptep_clear_flush()
 */
export function* ptepClearFlush(k: Kernel, mm: Mm, table: Table, vpn: Vpn): Routine<Entry> {
  yield at("ptep_get_and_clear");
  const old: Entry = k.ptTable.pte.xchg(table, pteIndex(k, vpn), ENTRY_NONE);
  if (ptePresent(old)) yield* flushTlbRange(k, mm, vpn, vpn + 1);
  return old;
}
