/**
 * Translation caches: arch/x86/mm/tlb.c, and the hardware that uses them.
 *
 * Each CPU caches translations of the address space that it has loaded, one small (4K) for each page and one huge (2M)
 * for each range, as copies of the entries they came from. Fills happen when an access needs them. There are no
 * address-space identifiers: loading another address space empties the cache. Not covered: speculative fills, and
 * caches of the upper levels of the page table.
 *
 * A CPU takes interrupts between instructions. So does this one: from the first look at the page table to the use of
 * the translation, a flush from elsewhere has to wait, as it waits for code that runs with interrupts off.
 */
import { NONE, at, choose, current, emit, type Mask, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import { TABLE_FREE } from "./structs/page-table.ts";
import type { Cpu, Entry, Mm, Pfn, Table, Vpn } from "./structs/types.ts";
import { DIRTY, LEAF, PRESENT, WRITE, YOUNG, entryHas, entryTarget, pmdIndex, pmdTable, pteIndex } from "./pgtable.ts";
import { localIrqRestore, localIrqSave } from "./rcu.ts";

/** A set of CPUs: scenarios have no more. */
type CpuMask = Mask<8>;

/**
 * Removes the translations of start..end-1 from every CPU that has the mm loaded, and waits until that is done. This
 * CPU does it at once. Each other CPU does it in an interrupt, in any order, as soon as it takes interrupts. CPUs
 * with another address space hold nothing and take no part; one that loads this mm after the caller changed its page
 * table starts empty and fills from the changed table. A CPU that takes interrupts and has nothing of the range
 * cached costs no step either. The interrupt would change nothing, and later fills come from the page table as the
 * caller has left it.
 * @kernel arch/x86/mm/tlb.c flush_tlb_mm_range()
 */
export function* flushTlbRange(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Routine {
  let pending: CpuMask = flushAtOnce(k, mm, start, end);
  while (pending !== 0) {
    yield at("flush_tlb_range: ipi", () => takingFlushes(k, pending) !== 0);
    const ready = takingFlushes(k, pending);
    const cpu = nthMember(ready, choose(k, "ipi arrives", memberCount(ready)));
    if (k.cpu.mm.once(cpu) === mm) flushCpu(k, cpu, start, end);
    pending &= ~(1 << cpu);
  }
}

/** The whole address space. @kernel arch/x86/include/asm/tlbflush.h flush_tlb_mm() */
export function* flushTlbMm(k: Kernel, mm: Mm): Routine {
  yield* flushTlbRange(k, mm, 0, k.param.hugeRanges.get() * k.param.hpagePmdNr.get());
}

/**
 * Returns when every other CPU has taken an interrupt. Then every page-table walk with interrupts off that had begun
 * before the call has finished. The interrupt does nothing, so CPUs with interrupts on cost no step; for the others
 * it is enough that each took it once.
 * @kernel mm/mmu_gather.c tlb_remove_table_sync_one()
 */
export function* tlbRemoveTableSyncOne(k: Kernel): Routine {
  yield at("tlb_remove_table_sync_one");
  let pending: CpuMask = othersWithIrqsOff(k);
  while (pending !== 0) {
    yield at("tlb_remove_table_sync_one: ipi", () => takingInterrupts(k, pending) !== 0);
    pending &= ~takingInterrupts(k, pending);
  }
}

/**
 * Loads an address space on this CPU; NONE for a kernel thread. Empties its translation cache.
 * @kernel arch/x86/mm/tlb.c switch_mm()
 */
export function switchMm(k: Kernel, mm: Mm): void {
  const cpu = current(k);
  const end = k.param.hugeRanges.get() * k.param.hpagePmdNr.get();
  if (k.cpu.mm.get(cpu) === mm) return;
  flushCpu(k, cpu, 0, end);
  k.cpu.mm.set(cpu, mm);
}

/**
 * The translation of one access by this CPU's own instruction: the frame, or NONE for a page fault. A miss walks the
 * page table and sets accessed bits. A store through an entry that is not dirty walks, too: the dirty bit is set in
 * the page table first, and only if the entry is still present and writable. So an entry that has been cleared cannot
 * become dirty any more.
 *
 * The caller accesses the page in the same step, because an instruction cannot be interrupted. No flush completes
 * before the instruction ends, so the frame stays the same; a store by another CPU meanwhile could as well come
 * before or after. A walk is one step for a huge entry and two for two levels, as in hardware: each level is read
 * and, where a bit is missing, updated by one locked operation. The look at the TLB belongs to the first step. Only
 * this CPU fills its TLB, and a flush that arrives before the walk finds nothing.
 * @model the CPU: TLB, page walk, accessed and dirty bits
 */
export function* hardwareTranslate(k: Kernel, mm: Mm, vpn: Vpn, write: boolean): Routine<Pfn> {
  if (write) yield at("store", null, { instruction: true });
  else yield at("load", null, { instruction: true });
  const cpu = current(k);
  vmBugOn(k.cpu.mm.get(cpu) !== mm, "tlb: a CPU accesses an address space that it has not loaded");
  const cached = k.cpu.tlb.get(cpu, vpn);
  if (usable(cached, write)) return entryTarget(cached);
  const cachedHuge = k.cpu.tlbHuge.get(cpu, pmdIndex(k, vpn));
  if (usable(cachedHuge, write)) return entryTarget(cachedHuge) + pteIndex(k, vpn);
  const pmd: Entry = k.mm.pmd.once(mm, pmdIndex(k, vpn));
  if (pmdTable(pmd)) {
    const table: Table = entryTarget(pmd);
    localIrqSave(k);
    k.cpu.walking.set(current(k), true);
    yield at("hardware walk: pte", null, { instruction: true });
    vmBugOn(
      k.ptTable.state.get(table) === TABLE_FREE || k.ptTable.mm.get(table) !== mm,
      "tlb: the hardware walks a page table that has been freed",
    );
    const pfn = walkPte(k, table, vpn, write);
    k.cpu.walking.set(current(k), false);
    localIrqRestore(k);
    return pfn;
  }
  return walkPmd(k, mm, vpn, write, pmd);
}

/** A cached translation serves a load; it serves a store if it is writable and known to be dirty. */
function usable(cached: Entry, write: boolean): boolean {
  return cached !== 0 && (!write || (cached & (WRITE | DIRTY)) === (WRITE | DIRTY));
}

/** The leaf entry as the hardware leaves it, with accessed and dirty bits; 0 for a page fault. */
function touched(e: Entry, write: boolean): Entry {
  if (!entryHas(e, PRESENT) || (write && !entryHas(e, WRITE))) return 0;
  return e | YOUNG | (write ? DIRTY : 0);
}

function walkPmd(k: Kernel, mm: Mm, vpn: Vpn, write: boolean, pmd: Entry): Pfn {
  const cpu = current(k);
  const range = pmdIndex(k, vpn);
  const filled = entryHas(pmd, LEAF) ? touched(pmd, write) : 0;
  const forgets = filled === 0 ? caches(k, cpu, vpn, vpn + 1) : k.cpu.tlb.get(cpu, vpn) !== 0;
  k.cpu.tlb.set(cpu, vpn, 0);
  k.cpu.tlbHuge.set(cpu, range, filled);
  if (forgets) emit(k, EV.TLB_FLUSH, cpu, vpn, vpn + 1);
  if (filled === 0) return NONE;
  if (filled !== pmd) k.mm.pmd.cmpxchg(mm, range, pmd, filled);
  emit(k, EV.TLB_FILL, cpu, vpn, 1, mm);
  return entryTarget(filled) + pteIndex(k, vpn);
}

function walkPte(k: Kernel, table: Table, vpn: Vpn, write: boolean): Pfn {
  const cpu = current(k);
  const i = pteIndex(k, vpn);
  const pte = k.ptTable.pte.once(table, i);
  const filled = touched(pte, write);
  const forgets = filled === 0 && k.cpu.tlb.get(cpu, vpn) !== 0;
  k.cpu.tlb.set(cpu, vpn, filled);
  if (forgets) emit(k, EV.TLB_FLUSH, cpu, vpn, vpn + 1);
  if (filled === 0) return NONE;
  if (filled !== pte) k.ptTable.pte.cmpxchg(table, i, pte, filled);
  emit(k, EV.TLB_FILL, cpu, vpn, 0, k.ptTable.mm.get(table));
  return entryTarget(filled);
}

/** Forgets both sizes of the addresses start..end-1, as INVLPG does. */
function flushCpu(k: Kernel, cpu: Cpu, start: Vpn, end: Vpn): void {
  if (start >= end) return;
  for (let vpn = start; vpn < end; vpn++) k.cpu.tlb.setOnce(cpu, vpn, 0);
  for (let range = pmdIndex(k, start); range <= pmdIndex(k, end - 1); range++) k.cpu.tlbHuge.setOnce(cpu, range, 0);
  emit(k, EV.TLB_FLUSH, cpu, start, end);
}

/**
 * Flushes this CPU and those that have nothing cached, for which the moment makes no difference. Returns the other
 * CPUs of the mm.
 */
function flushAtOnce(k: Kernel, mm: Mm, start: Vpn, end: Vpn): CpuMask {
  let remaining = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    if (k.cpu.mm.once(cpu) !== mm) continue;
    if (cpu === current(k) || (takesFlush(k, cpu) && !caches(k, cpu, start, end))) flushCpu(k, cpu, start, end);
    else remaining |= 1 << cpu;
  }
  return remaining;
}

/** Whether the CPU has a translation of one of the pages start..end-1. */
function caches(k: Kernel, cpu: Cpu, start: Vpn, end: Vpn): boolean {
  for (let vpn = start; vpn < end; vpn++) {
    if (k.cpu.tlb.once(cpu, vpn) !== 0 || k.cpu.tlbHuge.once(cpu, pmdIndex(k, vpn)) !== 0) return true;
  }
  return false;
}

function othersWithIrqsOff(k: Kernel): CpuMask {
  let cpus = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) if (cpu !== current(k) && k.cpu.irqsOff.once(cpu)) cpus |= 1 << cpu;
  return cpus;
}

function takingInterrupts(k: Kernel, cpus: CpuMask): CpuMask {
  let ready = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) if (((cpus >> cpu) & 1) !== 0 && !k.cpu.irqsOff.once(cpu)) ready |= 1 << cpu;
  return ready;
}

/**
 * Whether a flush can take effect on the CPU: it takes interrupts, or, where flushes are broadcast, its hardware is
 * not walking.
 */
function takesFlush(k: Kernel, cpu: Cpu): boolean {
  return k.param.tlbFlushInterrupts.get() !== 0 ? !k.cpu.irqsOff.once(cpu) : !k.cpu.walking.once(cpu);
}
function takingFlushes(k: Kernel, cpus: CpuMask): CpuMask {
  let ready = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) if (((cpus >> cpu) & 1) !== 0 && takesFlush(k, cpu)) ready |= 1 << cpu;
  return ready;
}

function memberCount(cpus: CpuMask): number {
  let n = 0;
  for (let rest = cpus; rest !== 0; rest &= rest - 1) n++;
  return n;
}

/** The member with n smaller ones. */
function nthMember(cpus: CpuMask, n: number): Cpu {
  let rest = cpus;
  for (let i = 0; i < n; i++) rest &= rest - 1;
  return 31 - Math.clz32(rest & -rest);
}
