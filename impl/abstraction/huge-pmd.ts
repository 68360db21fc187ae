/** A PMD entry. An empty one is none, unless the collapse of some CPU holds its table. */
import { NONE } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import { COLLAPSE_COPIED, COLLAPSE_DETACHED, COLLAPSE_ISOLATED } from "../structs/ghosts.ts";
import { ENTRY_NONE, LEAF, MIGRATION, PRESENT, PROTNONE, SPECIAL } from "../pgtable.ts";
import type { Abstraction } from "./abstraction.ts";

const ABSENT = 0;
const TABLE = 1;
const HUGE = 2;
const ZERO = 3;
const INVALID = 4;
const MIGRATING = 5;
const DETACHED = 6;
const COPIED = 7;

function abstract(k: Kernel, instance: number): number {
  const mm = Math.floor(instance / k.param.hugeRanges.get());
  return stateOf(k, mm, instance - mm * k.param.hugeRanges.get(), instance);
}

function stateOf(k: Kernel, mm: number, range: number, instance: number): number {
  const pmd = k.mm.pmd.get(mm, range);
  if (pmd === ENTRY_NONE) return heldByCollapse(k, instance);
  if ((pmd & LEAF) === 0) return TABLE;
  if ((pmd & MIGRATION) !== 0) return MIGRATING;
  if ((pmd & SPECIAL) !== 0) return ZERO;
  return (pmd & (PRESENT | PROTNONE)) !== 0 ? HUGE : INVALID;
}

function heldByCollapse(k: Kernel, instance: number): number {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    if (k.collapse.range.get(cpu) !== instance || k.collapse.table.get(cpu) === NONE) continue;
    const stage = k.collapse.stage.get(cpu);
    if (stage === COLLAPSE_DETACHED || stage === COLLAPSE_ISOLATED) return DETACHED;
    if (stage === COLLAPSE_COPIED) return COPIED;
  }
  return ABSENT;
}

export const hugePmdAbstraction: Abstraction = {
  machine: "huge-pmd", values: ["none", "table", "huge", "zero", "invalid", "migration", "detached", "copied"], context: [], abstract,
};
