/**
 * The collapse that a CPU is attempting. A ghost: how far it has come is a matter of its thread's program counter,
 * and no data of the kernel says it. So `khugepaged/announce.ts` keeps the stage in `k.collapse`, which routines
 * cannot read. Each stage implies facts about the kernel's data, and this file checks them: a stage that the data
 * contradicts is no state.
 */
import { NONE } from "thpcheck";
import { hasMthpCollapse } from "../khugepaged/collapse-window.ts";
import type { Kernel } from "../mm-types.ts";
import { COLLAPSE_COPIED, COLLAPSE_DETACHED, COLLAPSE_ISOLATED } from "../structs/ghosts.ts";
import { TABLE_PRIVATE } from "../structs/page-table.ts";
import { ENTRY_NONE, entryTarget, entryZeroPage, ptePresent } from "../pgtable.ts";
import { NO_STATE, type Abstraction } from "./abstraction.ts";

const VALUES = [
  "idle", "scanning", "allocated", "detached", "isolated", "copied", "restored", "poisoned", "reinstalled", "walking", "stopped",
];

function abstract(k: Kernel, cpu: number): number {
  const stage = k.collapse.stage.get(cpu);
  const range = k.collapse.range.get(cpu);
  if (stage === COLLAPSE_DETACHED || stage === COLLAPSE_ISOLATED) {
    if (!holdsTable(k, range, k.collapse.table.get(cpu))) return NO_STATE;
    if (stage === COLLAPSE_ISOLATED && !pagesAreIsolated(k, cpu, k.collapse.table.get(cpu))) return NO_STATE;
  }
  const copied = stage === COLLAPSE_COPIED && k.collapse.table.get(cpu) !== NONE;
  if (copied && !(isLockedForWriting(k, range) && isClear(k, range))) return NO_STATE;
  return stage + VALUES.length * (range + 1);
}

function mmOf(k: Kernel, range: number): number {
  return Math.floor(range / k.param.hugeRanges.get());
}

/** mmap_lock is held, without which nobody may detach anything. */
function isLockedForWriting(k: Kernel, range: number): boolean {
  return k.mm.mmapLock.isHeld(mmOf(k, range));
}

function isClear(k: Kernel, range: number): boolean {
  const mm = mmOf(k, range);
  return k.mm.pmd.get(mm, range - mm * k.param.hugeRanges.get()) === ENTRY_NONE;
}

/** The PMD entry is none, the table nobody's but the collapse's. */
function holdsTable(k: Kernel, range: number, table: number): boolean {
  return isLockedForWriting(k, range) && isClear(k, range) &&
    table !== NONE && k.ptTable.state.get(table) === TABLE_PRIVATE && k.ptTable.mm.get(table) === mmOf(k, range);
}

/** Every page that the table maps in the window of the attempt is locked and off the LRU. */
function pagesAreIsolated(k: Kernel, cpu: number, table: number): boolean {
  const first = hasMthpCollapse(k) ? k.window.first.get(cpu) : 0;
  const nr = hasMthpCollapse(k) ? 1 << k.window.order.get(cpu) : k.param.hpagePmdNr.get();
  for (let i = first; i < first + nr; i++) {
    const pte = k.ptTable.pte.get(table, i);
    if (!ptePresent(pte) || entryZeroPage(pte)) continue;
    const page = entryTarget(pte);
    const head = k.page.head.get(page);
    const folio = head === NONE ? page : head;
    if (!k.page.lock.isHeld(folio) || k.page.lru.get(folio)) return false;
  }
  return true;
}

export const collapseAbstraction: Abstraction = {
  machine: "collapse", values: VALUES,
  context: [{ name: "range", size: (c) => c.mms * c.hugeRanges + 1, first: -1 }],
  abstract,
};
