/**
 * Use after free: what is an object that is gone. Of the specification: these are asked in assertions, at the places that an
 * object is reached by, and nothing is decided by them.
 *
 * An object is one of a table here, and a freed one is still there to be read. So each way into an object asserts that it is
 * alive: its lock is taken or released, a reference is taken, it is put on or off a list, an entry of it is read or written.
 * The trace of such an assertion has both places: where it was used is its last step; where it was freed wrote what the
 * assertion read, and the trace says in which step and by whom.
 *
 * Who may reach an object that is not alive: a lockless walker a table that waits for RCU, while it reads under RCU, has
 * interrupts off or is the hardware; folio_get_anon_vma() an anon_vma (SLAB_TYPESAFE_BY_RCU), of which it touches the
 * reference count alone; whoever tries for a reference, a page (folio_try_get()). These do not ask here.
 */
import { current, NONE } from "thpcheck";
import type { Kernel } from "./mm-types.ts";
import { TABLE_FREE, TABLE_RCU } from "./structs/page-table.ts";
import type { AnonVma, Mm, Pfn, Table, Vma } from "./structs/types.ts";

/**
 * The page has no reference, and has been freed: its content is poison. A folio that is frozen, or on its way to the
 * allocator, has none either, and is its owner's.
 * @model asked in assertions
 */
export function pageIsFree(k: Kernel, page: Pfn): boolean {
  return k.page.refcount.get(page) === 0 && k.page.content.get(page) === k.param.contents.get();
}

/** The table is free, or past its readers: it waits for RCU, and this CPU is none of those waited for. @model asked in assertions */
export function tableIsFree(k: Kernel, table: Table): boolean {
  const state = k.ptTable.state.get(table);
  if (state === TABLE_RCU) return !k.cpu.rcu.get(current(k)) && !k.cpu.irqsOff.get(current(k)) && !k.cpu.walking.get(current(k));
  return state === TABLE_FREE;
}

/** @model asked in assertions */
export function anonVmaIsFree(k: Kernel, anonVma: AnonVma): boolean {
  return anonVma === NONE || k.anonVma.refcount.get(anonVma) === 0;
}

/** @model asked in assertions */
export function vmaIsFree(k: Kernel, vma: Vma): boolean {
  return vma === NONE || k.vma.mm.get(vma) === NONE;
}

/** Nobody has a reference to the object any more (mm_count): it is given back. @model asked in assertions */
export function mmIsFree(k: Kernel, mm: Mm): boolean {
  return mm === NONE || k.mm.mmCount.get(mm) === 0;
}
