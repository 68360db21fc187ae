/**
 * RCU as far as page tables need it: a table that lockless walkers may still see is freed after a grace period.
 *
 * A read-side section is rcu_read_lock() or disabled interrupts (the kernel's RCU flavours are one). Handing a table
 * over notes which CPUs are inside a section at that moment; when the last of these has left its section, the grace
 * period is over and the table is free, in that very step. The kernel frees it at some later time. Freeing at the
 * earliest time loses no fault: a delay only keeps the table from being allocated again, and an illegal user is
 * caught the sooner.
 */
import { NONE, current, emit, type Mask } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { ENTRY_NONE } from "./pgtable.ts";
import type { Kernel } from "./mm-types.ts";
import { TABLE_FREE, TABLE_PRIVATE, TABLE_RCU } from "./structs/page-table.ts";
import type { Cpu, Table } from "./structs/types.ts";

/** Enters a read-side section; these do not nest here. @kernel include/linux/rcupdate.h rcu_read_lock() */
export function rcuReadLock(k: Kernel): void {
  vmBugOn(k.cpu.rcu.get(current(k)), "rcu: read-side sections are not nested here");
  k.cpu.rcu.set(current(k), true);
}

/** @kernel include/linux/rcupdate.h rcu_read_unlock() */
export function rcuReadUnlock(k: Kernel): void {
  const cpu = current(k);
  vmBugOn(!k.cpu.rcu.get(cpu), "rcu: rcu_read_unlock() without rcu_read_lock()");
  k.cpu.rcu.set(cpu, false);
  leaveSection(k, cpu);
}

/**
 * Disables interrupts: no IPI arrives until localIrqRestore(). These do not nest here.
 * @kernel include/linux/irqflags.h local_irq_save()
 */
export function localIrqSave(k: Kernel): void {
  vmBugOn(k.cpu.irqsOff.get(current(k)), "rcu: sections with interrupts off are not nested here");
  k.cpu.irqsOff.set(current(k), true);
}

/** @kernel include/linux/irqflags.h local_irq_restore() */
export function localIrqRestore(k: Kernel): void {
  const cpu = current(k);
  vmBugOn(!k.cpu.irqsOff.get(cpu), "rcu: local_irq_restore() without local_irq_save()");
  k.cpu.irqsOff.set(cpu, false);
  leaveSection(k, cpu);
}

/** Frees a table, which nobody can reach, when every walker that may have seen it is gone. @kernel kernel/rcu/tree.c call_rcu() */
export function callRcuTable(k: Kernel, table: Table): void {
  vmBugOn(k.ptTable.state.get(table) !== TABLE_PRIVATE, "rcu: a table is handed to RCU that is reachable, deposited or free");
  k.ptTable.state.set(table, TABLE_RCU);
  emit(k, EV.TABLE_RCU, table);
  const readers: Mask<31> = readersNow(k);
  k.ptTable.rcuReaders.set(table, readers);
  if (readers === 0) freeTable(k, table);
  else k.rcu.waiting.add(1);
}

/**
 * Returns a table to the pool. It is empty, as every table is to which nothing points any more: the next user finds it so.
 * (The kernel zeroes a new one.)
 * @kernel include/linux/mm.h pagetable_dtor_free()
 */
export function freeTable(k: Kernel, table: Table): void {
  vmBugOn(k.ptTable.lock.isHeld(table), "rcu: a table is freed while its lock is held");
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
    vmBugOn(k.ptTable.pte.once(table, i) !== ENTRY_NONE, "rcu: a page table is freed that still maps something");
  }
  k.ptTable.mm.set(table, NONE);
  k.ptTable.state.set(table, TABLE_FREE);
  emit(k, EV.TABLE_FREE, table);
}

/** CPUs that are inside a read-side section. */
function readersNow(k: Kernel): Mask<31> {
  let readers = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) if (k.cpu.rcu.once(cpu) || k.cpu.irqsOff.once(cpu)) readers |= 1 << cpu;
  return readers;
}

/**
 * The CPU passes a quiescent state, unless a section of the other kind goes on. Ends the grace periods that waited
 * for this CPU alone.
 */
function leaveSection(k: Kernel, cpu: Cpu): void {
  if (k.rcu.waiting.get() === 0 || k.cpu.rcu.get(cpu) || k.cpu.irqsOff.get(cpu)) return;
  for (let table = 0; table < k.ptTable.count; table++) {
    if (k.ptTable.state.get(table) !== TABLE_RCU) continue;
    k.ptTable.rcuReaders.remove(table, cpu);
    if (k.ptTable.rcuReaders.get(table) !== 0) continue;
    k.rcu.waiting.add(-1);
    freeTable(k, table);
  }
}
