/**
 * Announces how far a CPU's attempt to collapse has come, as events, and keeps it in `k.collapse`, which only the
 * specification reads. Each function is called in the step of the store that makes its statement true.
 */
import { NONE, current, emit } from "thpcheck";
import { EV } from "../../spec/events.ts";
import type { Kernel } from "../mm-types.ts";
import {
  COLLAPSE_ALLOCATED, COLLAPSE_COPIED, COLLAPSE_DETACHED, COLLAPSE_IDLE, COLLAPSE_ISOLATED, COLLAPSE_POISONED,
  COLLAPSE_RESTORED, COLLAPSE_SCANNING, PROMOTION_NONE,
} from "../structs/ghosts.ts";
import type { Mm, Pfn, Table, Vpn } from "../structs/types.ts";
import { pmdIndex } from "../pgtable.ts";
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
  emit(k, EV.PMD_REATTACH, mm, pmdIndex(k, start), table, current(k));
}

/** The attempt is over. @model an event of the machine `collapse` */
export function announceResult(k: Kernel, mm: Mm, start: Vpn, result: ScanResult): void {
  k.collapse.stage.set(current(k), COLLAPSE_IDLE);
  k.collapse.range.set(current(k), NONE);
  k.collapse.promotion.set(current(k), PROMOTION_NONE);
  emit(k, EV.COLLAPSE_RESULT, mm, pmdIndex(k, start), current(k), result);
}
