/**
 * Announces how far a CPU's attempt to collapse has come, as events, and keeps it in `k.collapse`, which only the
 * specification reads. Each function is called in the step of the store that makes its statement true.
 */
import { NONE, current, emit } from "thpcheck";
import { EV } from "../../spec/events.ts";
import type { Kernel } from "../mm-types.ts";
import {
  COLLAPSE_ALLOCATED, COLLAPSE_COPIED, COLLAPSE_DETACHED, COLLAPSE_IDLE, COLLAPSE_ISOLATED, COLLAPSE_POISONED,
  COLLAPSE_REINSTALLED, COLLAPSE_RESTORED, COLLAPSE_SCANNING, COLLAPSE_STOPPED, COLLAPSE_WALKING, PROMOTION_NONE,
} from "../structs/ghosts.ts";
import type { Mm, Pfn, Table, Vpn } from "../structs/types.ts";
import { pmdIndex } from "../pgtable.ts";
import { hasMthpCollapse } from "./collapse-window.ts";
import type { ScanResult } from "./scan-result.ts";

/** The range at `start` is looked at. @model an event of the machine `collapse` */
export function announceScan(k: Kernel, mm: Mm, start: Vpn): void {
  k.collapse.stage.set(current(k), COLLAPSE_SCANNING);
  k.collapse.range.set(current(k), mm * k.param.hugeRanges.get() + pmdIndex(k, start));
  emit(k, EV.COLLAPSE_SCAN, mm, pmdIndex(k, start), current(k));
}

/** There is a huge page for it. @model an event of the machine `collapse` */
export function announceAllocated(k: Kernel, mm: Mm, start: Vpn, folio: Pfn): void {
  k.collapse.stage.set(current(k), COLLAPSE_ALLOCATED);
  emit(k, EV.COLLAPSE_ALLOC, mm, pmdIndex(k, start), current(k), folio);
}

/** Its table is this thread's: the PMD entry is none. @model an event of the machine `collapse` */
export function announceDetached(k: Kernel, mm: Mm, start: Vpn, table: Table): void {
  k.collapse.stage.set(current(k), COLLAPSE_DETACHED);
  k.collapse.table.set(current(k), table);
  emit(k, EV.PMD_DETACH, mm, pmdIndex(k, start), table, current(k));
}

/** Every page that the table maps is locked and off the LRU. @model an event of the machine `collapse` */
export function announceIsolated(k: Kernel, mm: Mm, start: Vpn): void {
  k.collapse.stage.set(current(k), COLLAPSE_ISOLATED);
  emit(k, EV.COLLAPSE_ISOLATED, mm, pmdIndex(k, start), current(k));
}

/** The huge page has their content. @model an event of the machine `collapse` */
export function announceCopied(k: Kernel, mm: Mm, start: Vpn): void {
  k.collapse.stage.set(current(k), COLLAPSE_COPIED);
  emit(k, EV.COLLAPSE_COPIED, mm, pmdIndex(k, start), current(k));
}

/**
 * A huge page is mapped. If a collapse did it, its table is replaced; if a fault did, this does nothing.
 * @model an event of the machine `collapse`
 */
export function announceInstalled(k: Kernel): void {
  k.collapse.table.set(current(k), NONE);
}

/**
 * The PMD entry points to the table again. `poisoned`: a copy failed; else an isolation did.
 * @model an event of the machine `collapse`
 */
export function announceReattached(k: Kernel, mm: Mm, start: Vpn, table: Table, poisoned: boolean): void {
  k.collapse.stage.set(current(k), poisoned ? COLLAPSE_POISONED : COLLAPSE_RESTORED);
  k.collapse.table.set(current(k), NONE);
  if (hasMthpCollapse(k)) forgetDetached(k);
  emit(k, EV.PMD_REATTACH, mm, pmdIndex(k, start), table, current(k));
}

/** The attempt is over. @model an event of the machine `collapse` */
export function announceResult(k: Kernel, mm: Mm, start: Vpn, result: ScanResult): void {
  k.collapse.stage.set(current(k), COLLAPSE_IDLE);
  k.collapse.range.set(current(k), NONE);
  k.collapse.promotion.set(current(k), PROMOTION_NONE);
  emit(k, EV.COLLAPSE_RESULT, mm, pmdIndex(k, start), current(k), result);
}

// ---- windows of khugepaged's walk -------------------------------------------------------------------------------

/**
 * The entries of the window's table, once its lock is held and no CPU is in it. Since it was taken out only the hardware can have
 * written to it: the anon_vma lock, mmap_lock and the VMA lock keep everybody else away.
 * @model what spec/invariants/window.ts compares
 */
export function noteDetached(k: Kernel, table: Table): void {
  if (!hasMthpCollapse(k) || k.window.order.get(current(k)) === k.param.hpagePmdOrder.get()) return;
  k.detachedPtes.table.set(0, table);
  k.detachedPtes.mayFill.set(0, k.knob.maxPtesNone.once() !== 0);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.detachedPtes.before.set(0, i, k.ptTable.pte.once(table, i));
}

/** @model nothing is compared any more */
function forgetDetached(k: Kernel): void {
  if (k.window.order.get(current(k)) === k.param.hpagePmdOrder.get()) return;
  k.detachedPtes.table.set(0, NONE);
  k.detachedPtes.mayFill.set(0, false);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.detachedPtes.before.set(0, i, 0);
}

/** The PMD entry points to the table again, which is to get the new folio. @model an event of the machine `collapse` */
export function announceReinstalled(k: Kernel, mm: Mm, start: Vpn, table: Table): void {
  k.collapse.stage.set(current(k), COLLAPSE_REINSTALLED);
  k.collapse.table.set(current(k), NONE);
  emit(k, EV.PMD_REINSTALL, mm, pmdIndex(k, start), table, current(k));
}

/** The window's entries are in, and its table's lock is about to go. @model for spec/invariants/window.ts */
export function announceWindow(k: Kernel): void {
  const first = k.window.first.get(current(k));
  for (let i = first; i < first + (1 << k.window.order.get(current(k))); i++) k.detachedPtes.done.set(0, i, true);
  forgetDetached(k);
}

/** An attempt of the walk is over. `goesOn`: the walk is not. @model an event of the machine `collapse` */
export function announceNext(k: Kernel, mm: Mm, start: Vpn, result: ScanResult, goesOn: boolean): void {
  k.collapse.stage.set(current(k), goesOn ? COLLAPSE_WALKING : COLLAPSE_STOPPED);
  emit(k, EV.COLLAPSE_NEXT, mm, pmdIndex(k, start), current(k), result);
}

/** The walk is over, without a huge page. @model an event of the machine `collapse` */
export function announceWalked(k: Kernel, mm: Mm, start: Vpn, result: ScanResult): void {
  k.collapse.stage.set(current(k), COLLAPSE_IDLE);
  k.collapse.range.set(current(k), NONE);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.detachedPtes.done.set(0, i, false);
  emit(k, EV.COLLAPSE_WALKED, mm, pmdIndex(k, start), current(k), result);
}
