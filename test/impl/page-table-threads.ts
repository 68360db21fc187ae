/** What the tests of page tables, TLBs, RCU and the mmu_gather run. One address space, mm 0, unless said otherwise. */
import { NONE, at, bugOn, current, spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "../../impl/mm-types.ts";
import { TABLE_FREE, TABLE_LIVE, TABLE_PRIVATE } from "../../impl/structs/page-table.ts";
import type { Content, Entry, Mm, Pfn, Table, Vpn } from "../../impl/structs/types.ts";
import { tlbFinishMmu, tlbFlushMmu, tlbGatherMmu, tlbRemovePage, tlbRemovePageSize, tlbRemoveTable, tlbRemoveTlbEntry } from "../../impl/mmu-gather.ts";
import { allocFolio, bootMemory } from "../../impl/page-alloc.ts";
import { DIRTY, ENTRY_NONE, LEAF, PRESENT, WRITE, YOUNG, entryTarget, mkEntry, mkPmdTable, pmdTable, pteIndex } from "../../impl/pgtable.ts";
import {
  pgtableTransHugeDeposit, pgtableTransHugeWithdraw, pmdClearTable, pmdLockptr, pmdPopulate, pmdpCollapseFlush, pmdpGet, pmdpGetLockless, pmdpHugeClearFlush, pmdpInvalidate, pteAlloc, pteAllocOne,
  pteFree, pteFreeDefer, pteOffsetMapLock, ptepClearFlush, ptlOf, setPmdAt,
} from "../../impl/pgtable-generic.ts";
import { localIrqRestore, localIrqSave, rcuReadLock, rcuReadUnlock } from "../../impl/rcu.ts";
import { folioPut } from "../../impl/swap.ts";
import { flushTlbMm, flushTlbRange, hardwareTranslate, switchMm, tlbRemoveTableSyncOne } from "../../impl/tlb.ts";
import { kernelScenario, type KernelThread } from "./straight-kernel.ts";

/** Memory, and mm 0 loaded on every CPU. */
export function bootLoaded(k: Kernel): void {
  bootMemory(k);
  for (let cpu = 0; cpu < k.cpu.count; cpu++) k.cpu.mm.set(cpu, 0);
}

/** Memory; no CPU has loaded anything. */
export function bootUnloaded(k: Kernel): void {
  bootMemory(k);
}

/** As bootLoaded(), with a table at page 0 that maps page 0 to a writable frame, 0. */
export function bootMapped(k: Kernel): void {
  bootLoaded(k);
  k.zone.free.set(k.param.hpagePmdOrder.get(), 2);
  k.zone.freePages.add(-2);
  k.page.prev.set(2, NONE);
  k.page.next.set(0, NONE);
  k.page.buddy.set(0, false);
  k.page.order.set(0, 0);
  // frame 0 is mapped, frame 1 belongs to nobody
  k.page.refcount.set(0, 1);
  k.page.refcount.set(1, 1);
  k.page.content.set(0, 1);
  k.ptTable.state.set(0, TABLE_LIVE);
  k.ptTable.mm.set(0, 0);
  k.mm.nrPtes.set(0, 1);
  k.mm.pmd.set(0, 0, mkPmdTable(0));
  k.ptTable.pte.set(0, 0, mkEntry(0, PRESENT | WRITE));
}

/** As bootMapped(), but only CPU 0 has loaded mm 0. */
export function bootMappedElsewhere(k: Kernel): void {
  bootMapped(k);
  for (let cpu = 1; cpu < k.cpu.count; cpu++) k.cpu.mm.set(cpu, NONE);
}

// ---- tables ----------------------------------------------------------------------------------------------------

function* installTable(k: Kernel, vpn: Vpn): Routine<boolean> {
  const ok: boolean = yield* pteAlloc(k, 0, vpn);
  return ok;
}
function* lockTable(k: Kernel, vpn: Vpn): Routine<Table> {
  const table: Table = yield* pteOffsetMapLock(k, 0, vpn);
  if (table === NONE) return NONE;
  yield at("under the lock");
  bugOn(k.ptTable.state.get(table) === TABLE_FREE, "the caller of pte_offset_map_lock() has a freed table");
  bugOn(k.mm.pmd.once(0, 0) !== mkPmdTable(table), "the caller of pte_offset_map_lock() has a table that is not the mm's");
  spinUnlock(k, ptlOf(k, table));
  return table;
}
function* allocTable(k: Kernel, mm: Mm): Routine<Table> {
  const table: Table = yield* pteAllocOne(k, mm);
  return table;
}
/** Every table is empty when it is freed. */
function emptyTable(k: Kernel, table: Table): void {
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.ptTable.pte.set(table, i, ENTRY_NONE);
}
function* allocAndFree(k: Kernel, deferred: boolean): Routine {
  const table: Table = yield* pteAllocOne(k, 0);
  yield at("free");
  if (deferred) pteFreeDefer(k, table);
  else yield* pteFree(k, table);
}
function* deposit(k: Kernel, count: Vpn): Routine {
  for (let i: Vpn = 0; i < count; i++) {
    const table: Table = yield* pteAllocOne(k, 0);
    yield* spinLock(k, pmdLockptr(k, 0));
    pgtableTransHugeDeposit(k, 0, 0, table);
    spinUnlock(k, pmdLockptr(k, 0));
  }
}
function* depositUsed(k: Kernel): Routine {
  const table: Table = yield* pteAllocOne(k, 0);
  yield* spinLock(k, pmdLockptr(k, 0));
  k.ptTable.pte.setOnce(table, 1, mkEntry(3, PRESENT));
  pgtableTransHugeDeposit(k, 0, 0, table);
  spinUnlock(k, pmdLockptr(k, 0));
}
function* withdraw(k: Kernel): Routine<Table> {
  yield* spinLock(k, pmdLockptr(k, 0));
  const table: Table = pgtableTransHugeWithdraw(k, 0, 0);
  spinUnlock(k, pmdLockptr(k, 0));
  return table;
}
function* populateTwice(k: Kernel): Routine {
  const table: Table = yield* pteAllocOne(k, 0);
  yield* spinLock(k, pmdLockptr(k, 0));
  pmdPopulate(k, 0, 0, table);
  pmdPopulate(k, 0, 2, table);
  spinUnlock(k, pmdLockptr(k, 0));
}
function* freeLive(k: Kernel): Routine {
  yield at("free");
  yield* pteFree(k, 0);
}
/** Unlinks the table of page 0 under both locks, as empty tables are reclaimed. */
function* reclaimTable(k: Kernel, deferred: boolean): Routine {
  yield* spinLock(k, pmdLockptr(k, 0));
  const pmd: Entry = k.mm.pmd.get(0, 0);
  if (pmdTable(pmd)) {
    const table: Table = entryTarget(pmd);
    yield* spinLock(k, ptlOf(k, table));
    emptyTable(k, table);
    pmdClearTable(k, 0, 0);
    k.mm.nrPtes.add(0, -1);
    spinUnlock(k, ptlOf(k, table));
    if (deferred) pteFreeDefer(k, table);
    else yield* pteFree(k, table);
  }
  spinUnlock(k, pmdLockptr(k, 0));
}
function* clearWhereNone(k: Kernel): Routine {
  yield* spinLock(k, pmdLockptr(k, 0));
  pmdClearTable(k, 0, 2);
  spinUnlock(k, pmdLockptr(k, 0));
}

/** The n-th thing that may not be done with table 0, which is live. */
function* misuse(k: Kernel, n: number): Routine {
  yield* spinLock(k, ptlOf(k, 0));
  if (n === 0) pteFreeDefer(k, 0);
  if (n === 1) pgtableTransHugeDeposit(k, 0, 0, 0);
  if (n === 2) {
    pmdClearTable(k, 0, 0);
    yield* pteFree(k, 0);
  }
  if (n === 3) {
    k.ptTable.state.set(0, TABLE_PRIVATE);
    pmdClearTable(k, 0, 0);
  }
}
/** Frees the table although the PMD entry points to it. */
function* freeLinked(k: Kernel): Routine {
  yield at("free");
  k.ptTable.state.set(0, TABLE_PRIVATE);
  emptyTable(k, 0);
  yield* pteFree(k, 0);
}
export const misuseOf = (n: number): KernelThread => (k) => misuse(k, n);
export const walkedWhileFreed = kernelScenario({ load: (k) => reader(k, 0), free: (k) => freeLinked(k) }, bootMapped);

export const install: KernelThread = (k) => installTable(k, 1);
export const tableUser: KernelThread = (k) => lockTable(k, 0);
export const takeTable: KernelThread = (k) => allocTable(k, 0);
export const takeAndFree: KernelThread = (k) => allocAndFree(k, false);
export const takeAndFreeDeferred: KernelThread = (k) => allocAndFree(k, true);
export const depositTwo: KernelThread = (k) => deposit(k, 2);
export const depositNotEmpty: KernelThread = (k) => depositUsed(k);
export const withdrawOne: KernelThread = (k) => withdraw(k);
export const populateTwiceThread: KernelThread = (k) => populateTwice(k);
export const freeLiveTable: KernelThread = (k) => freeLive(k);
export const reclaim: KernelThread = (k) => reclaimTable(k, true);
export const unlinkNothing: KernelThread = (k) => clearWhereNone(k);

export const racingInstallers = kernelScenario({ a: install, b: install, c: install }, bootLoaded, { pageTables: 3, allocationMayFail: true }, {
  finally: {
    "one table or none": (k) => k.mm.nrPtes.get(0) === (k.mm.pmd.get(0, 0) === 0 ? 0 : 1) && tablesInUse(k) === k.mm.nrPtes.get(0),
  },
  sometimes: { "a loser has a table of its own": (k) => tablesInUse(k) === 3 },
});
export const reclaimedUnderUser = kernelScenario({ user: tableUser, reclaim, installer: install }, bootMapped, { pageTables: 2 }, {
  finally: { "no table is lost": (k) => tablesInUse(k) === k.mm.nrPtes.get(0) },
  sometimes: { "a table waits for RCU": (k) => k.rcu.waiting.get() === 1, "a table is reused": (k) => k.mm.pmd.get(0, 0) === mkPmdTable(1) },
});
export const freedUnderUser = kernelScenario({ user: tableUser, reclaim: (k) => reclaimTable(k, false) }, bootMapped);

function tablesInUse(k: Kernel): number {
  let n = 0;
  for (let t = 0; t < k.ptTable.count; t++) if (k.ptTable.state.get(t) !== TABLE_FREE) n++;
  return n;
}

// ---- entries and TLBs ------------------------------------------------------------------------------------------

function* setHuge(k: Kernel, flags: number): Routine {
  yield* spinLock(k, pmdLockptr(k, 0));
  setPmdAt(k, 0, 0, mkEntry(2, LEAF | flags));
  spinUnlock(k, pmdLockptr(k, 0));
}
function* access(k: Kernel, mm: Mm, vpn: Vpn, write: boolean): Routine<Pfn> {
  const pfn: Pfn = yield* hardwareTranslate(k, mm, vpn, write);
  return pfn;
}
/** Reads a page twice, wherever it is mapped; faults end it. */
function* reader(k: Kernel, vpn: Vpn): Routine {
  let pfn: Pfn = yield* hardwareTranslate(k, 0, vpn, false);
  if (pfn !== NONE) bugOn(k.page.content.get(pfn) === k.param.contents.get(), "a load returns poison");
  pfn = yield* hardwareTranslate(k, 0, vpn, false);
  if (pfn !== NONE) bugOn(k.page.content.get(pfn) === k.param.contents.get(), "a load returns poison");
}
function* writer(k: Kernel, vpn: Vpn, content: Content): Routine {
  let pfn: Pfn = yield* hardwareTranslate(k, 0, vpn, true);
  if (pfn !== NONE) k.page.content.set(pfn, content);
  pfn = yield* hardwareTranslate(k, 0, vpn, true);
  if (pfn !== NONE) k.page.content.set(pfn, content);
}
/** Clears the PTE of page 0 and frees its frame; `flushFirst` as the kernel does. */
function* unmapPage(k: Kernel, flushFirst: boolean): Routine {
  const table: Table = yield* pteOffsetMapLock(k, 0, 0);
  if (flushFirst) {
    yield* ptepClearFlush(k, 0, table, 0);
  } else {
    k.ptTable.pte.set(table, pteIndex(k, 0), ENTRY_NONE);
  }
  spinUnlock(k, ptlOf(k, table));
  yield* folioPut(k, 0);
}
/** Flushes, and only then clears. */
function* unmapPageLate(k: Kernel): Routine {
  const table: Table = yield* pteOffsetMapLock(k, 0, 0);
  yield* flushTlbRange(k, 0, 0, 1);
  yield at("clear");
  k.ptTable.pte.set(table, pteIndex(k, 0), ENTRY_NONE);
  spinUnlock(k, ptlOf(k, table));
  yield* folioPut(k, 0);
}
function* invalidate(k: Kernel): Routine<Entry> {
  yield* spinLock(k, pmdLockptr(k, 0));
  const old: Entry = yield* pmdpInvalidate(k, 0, 1, pmdpGet(k, 0, 1));
  spinUnlock(k, pmdLockptr(k, 0));
  return old;
}
function* clearHuge(k: Kernel): Routine<Entry> {
  yield* spinLock(k, pmdLockptr(k, 0));
  const old: Entry = yield* pmdpHugeClearFlush(k, 0, 1);
  spinUnlock(k, pmdLockptr(k, 0));
  return old;
}
function* detach(k: Kernel): Routine<Entry> {
  yield* spinLock(k, pmdLockptr(k, 0));
  const old: Entry = yield* pmdpCollapseFlush(k, 0, 1);
  spinUnlock(k, pmdLockptr(k, 0));
  return old;
}
function* flush(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Routine {
  yield at("start");
  yield* flushTlbRange(k, mm, start, end);
}
function* flushAll(k: Kernel): Routine {
  yield at("start");
  yield* flushTlbMm(k, 0);
}
function* load(k: Kernel, mm: Mm): Routine {
  yield at("switch_mm");
  switchMm(k, mm);
}
function* irqsOffForever(k: Kernel): Routine {
  yield at("local_irq_save");
  localIrqSave(k);
}
function* syncOne(k: Kernel): Routine {
  yield* tlbRemoveTableSyncOne(k);
}

export const hugePresent = (flags: number): KernelThread => (k) => setHuge(k, flags);
export const loadPage = (vpn: Vpn): KernelThread => (k) => access(k, 0, vpn, false);
export const storePage = (vpn: Vpn): KernelThread => (k) => access(k, 0, vpn, true);
export const invalidateHuge: KernelThread = (k) => invalidate(k);
export const clearHugeEntry: KernelThread = (k) => clearHuge(k);
export const detachTable: KernelThread = (k) => detach(k);
export const flushPages = (start: Vpn, end: Vpn): KernelThread => (k) => flush(k, 0, start, end);
export const flushMm: KernelThread = (k) => flushAll(k);
export const loadMm = (mm: Mm): KernelThread => (k) => load(k, mm);
export const disableInterrupts: KernelThread = (k) => irqsOffForever(k);
export const sync: KernelThread = (k) => syncOne(k);
export const unmap: KernelThread = (k) => unmapPage(k, true);
export const HUGE_RW = PRESENT | WRITE;
export const HUGE_RO = PRESENT;
export { DIRTY, YOUNG };

export const unmapAgainstAccess = kernelScenario({ unmap, load: (k) => reader(k, 0), store: (k) => writer(k, 0, 2) }, bootMapped, {}, {
  always: { "no free page is in a TLB": (k) => tlbHasNoFreePage(k) },
  sometimes: { "a TLB entry outlives its PTE": (k) => k.cpu.tlb.get(1, 0) !== 0 && k.ptTable.pte.get(0, 0) === 0 },
});
export const unmapWithoutFlush = kernelScenario({ unmap: (k) => unmapPage(k, false), load: (k) => reader(k, 0) }, bootMapped);

export const unmapAfterFlush = kernelScenario({ unmap: (k) => unmapPageLate(k), load: (k) => reader(k, 0) }, bootMapped);

function tlbHasNoFreePage(k: Kernel): boolean {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    const e = k.cpu.tlb.get(cpu, 0);
    if (e !== 0 && k.page.refcount.get(entryTarget(e)) === 0) return false;
  }
  return true;
}

/** A walker as GUP-fast: interrupts off, lockless. Whatever it finds must not be freed under it. */
function* locklessWalker(k: Kernel): Routine {
  yield at("local_irq_save");
  localIrqSave(k);
  yield at("read pmd");
  const pmd: Entry = pmdpGetLockless(k, 0, 0);
  if (pmdTable(pmd)) {
    const table: Table = entryTarget(pmd);
    yield at("read pte");
    bugOn(k.ptTable.state.get(table) === TABLE_FREE, "a walker reads a freed table");
  }
  yield at("local_irq_restore");
  localIrqRestore(k);
}
/** As collapse: takes the table out, waits or not, frees it. */
function* detachAndFree(k: Kernel, wait: boolean): Routine {
  yield* spinLock(k, pmdLockptr(k, 0));
  const pmd: Entry = yield* pmdpCollapseFlush(k, 0, 0);
  spinUnlock(k, pmdLockptr(k, 0));
  if (wait) yield* tlbRemoveTableSyncOne(k);
  yield at("free table");
  emptyTable(k, entryTarget(pmd));
  yield* pteFree(k, entryTarget(pmd));
}
export const detachWithSync = kernelScenario({ detach: (k) => detachAndFree(k, true), walker: (k) => locklessWalker(k), another: (k) => locklessWalker(k) }, bootMappedElsewhere, {}, {
  sometimes: { "the walkers hold it up": (k) => k.mm.pmd.get(0, 0) === 0 && k.cpu.irqsOff.get(1) && k.cpu.irqsOff.get(2) },
});
export const detachWithoutSync = kernelScenario({ detach: (k) => detachAndFree(k, false), walker: (k) => locklessWalker(k) }, bootMappedElsewhere);
/** The flush alone does it where the walker's CPU has loaded the mm. */
export const detachWithFlush = kernelScenario({ detach: (k) => detachAndFree(k, false), walker: (k) => locklessWalker(k) }, bootMapped);

/** Three CPUs with the mm: the flush reaches two others, in any order. */
export const flushOrder = kernelScenario({ flush: (k) => flush(k, 0, 0, 1), b: (k) => reader(k, 0), c: (k) => reader(k, 0) }, bootMapped, {}, {
  sometimes: {
    "b first": (k) => k.cpu.tlb.get(1, 0) === 0 && k.cpu.tlb.get(2, 0) !== 0,
    "c first": (k) => k.cpu.tlb.get(1, 0) !== 0 && k.cpu.tlb.get(2, 0) === 0,
  },
});

// ---- RCU -------------------------------------------------------------------------------------------------------

/** Looks at the first table for a while, in a read-side section. */
function* rcuReader(k: Kernel): Routine {
  yield at("rcu_read_lock");
  rcuReadLock(k);
  yield at("look");
  yield at("rcu_read_unlock");
  rcuReadUnlock(k);
}
function* nestedRcu(k: Kernel): Routine {
  yield at("rcu_read_lock");
  rcuReadLock(k);
  rcuReadLock(k);
}
function* unlockOnly(k: Kernel): Routine {
  yield at("rcu_read_unlock");
  rcuReadUnlock(k);
}
function* nestedIrqs(k: Kernel): Routine {
  yield at("local_irq_save");
  localIrqSave(k);
  localIrqSave(k);
}
function* restoreOnly(k: Kernel): Routine {
  yield at("local_irq_restore");
  localIrqRestore(k);
}
export const rcuNested: KernelThread = (k) => nestedRcu(k);
export const rcuUnlockOnly: KernelThread = (k) => unlockOnly(k);
export const irqsNested: KernelThread = (k) => nestedIrqs(k);
export const irqsRestoreOnly: KernelThread = (k) => restoreOnly(k);
export const gracePeriods = kernelScenario({ free: takeAndFreeDeferred, early: (k) => rcuReader(k), late: (k) => locklessWalker(k) }, bootLoaded, { pageTables: 1 }, {
  finally: { "the table is free, and nobody waits": (k) => k.ptTable.state.get(0) === TABLE_FREE && k.rcu.waiting.get() === 0 && k.ptTable.rcuReaders.get(0) === 0 },
  sometimes: {
    "two readers hold it": (k) => k.ptTable.rcuReaders.get(0) === 0b110,
    "a reader that came later does not": (k) => k.rcu.waiting.get() === 1 && k.ptTable.rcuReaders.get(0) === 0b010 && k.cpu.irqsOff.get(2),
    "free at once": (k) => k.ptTable.state.get(0) === TABLE_FREE && k.cpu.rcu.get(1),
  },
});

// ---- mmu_gather ------------------------------------------------------------------------------------------------

/** Unmaps page 0 of mm 0 as zap does, with its table. */
function* zap(k: Kernel): Routine {
  yield at("tlb_gather_mmu");
  tlbGatherMmu(k);
  const table: Table = yield* pteOffsetMapLock(k, 0, 0);
  const pte: Entry = k.ptTable.pte.get(table, 0);
  k.ptTable.pte.set(table, 0, ENTRY_NONE);
  tlbRemoveTlbEntry(k, 0, 1);
  spinUnlock(k, ptlOf(k, table));
  yield* tlbRemovePage(k, 0, entryTarget(pte));
  yield* spinLock(k, pmdLockptr(k, 0));
  const gone: Table = pmdClearTable(k, 0, 0);
  k.mm.nrPtes.add(0, -1);
  spinUnlock(k, pmdLockptr(k, 0));
  tlbRemoveTable(k, gone);
  yield* tlbFinishMmu(k, 0);
}
/** Gathers `n` fresh pages; `flushes`: where the batch is full. */
function* gather(k: Kernel, n: Vpn, flushes: boolean): Routine<Vpn> {
  let full: Vpn = 0;
  for (let i: Vpn = 0; i < n; i++) {
    const folio: Pfn = yield* allocFolio(k, 0, false);
    tlbRemoveTlbEntry(k, 1, 2);
    const isFull = tlbRemovePageSize(k, folio);
    if (isFull) full++;
    if (isFull && flushes) yield* tlbFlushMmu(k, 0);
  }
  return full;
}
function* gatherUnnoted(k: Kernel): Routine {
  const folio: Pfn = yield* allocFolio(k, 0, false);
  tlbRemovePageSize(k, folio);
}
function* finish(k: Kernel): Routine {
  yield at("tlb_finish_mmu");
  yield* tlbFinishMmu(k, 0);
}
function* gatherAgain(k: Kernel): Routine {
  yield at("tlb_gather_mmu");
  tlbRemoveTlbEntry(k, 0, 1);
  tlbGatherMmu(k);
}
function* gatherTables(k: Kernel, n: Vpn): Routine {
  for (let i: Vpn = 0; i < n; i++) {
    const table: Table = yield* pteAllocOne(k, 0);
    tlbRemoveTable(k, table);
  }
  yield* tlbFinishMmu(k, 0);
}
function* range(k: Kernel): Routine<Vpn> {
  yield at("tlb_remove_tlb_entry");
  tlbRemoveTlbEntry(k, 2, 3);
  tlbRemoveTlbEntry(k, 0, 1);
  tlbRemoveTlbEntry(k, 1, 2);
  const cpu = current(k);
  return k.cpu.gatherStart.get(cpu) * 10 + k.cpu.gatherEnd.get(cpu);
}
export const zapAll: KernelThread = (k) => zap(k);
export const gatherFlushing = (n: Vpn): KernelThread => (k) => gather(k, n, true);
export const gatherOverflowing: KernelThread = (k) => gather(k, 3, false);
export const gatherWithoutEntry: KernelThread = (k) => gatherUnnoted(k);
export const finishGather: KernelThread = (k) => finish(k);
export const gatherInGather: KernelThread = (k) => gatherAgain(k);
export const tables = (n: Vpn): KernelThread => (k) => gatherTables(k, n);
export const gatherRange: KernelThread = (k) => range(k);

export const zapAgainstAccess = kernelScenario({ zap: zapAll, load: (k) => reader(k, 0), walker: (k) => locklessWalker(k) }, bootMapped, {}, {
  always: { "no free page is in a TLB": (k) => tlbHasNoFreePage(k) },
  finally: { "page and table are free": (k) => k.page.refcount.get(0) === 0 && k.page.buddy.get(0) && k.ptTable.state.get(0) === TABLE_FREE && k.mm.nrPtes.get(0) === 0 },
  sometimes: { "the table waits for the walker": (k) => k.rcu.waiting.get() === 1 },
});
