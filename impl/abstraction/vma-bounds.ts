/** How the attached VMAs of an address space cover a huge range, and whether its PMD entry is a leaf. */
import type { Kernel } from "../mm-types.ts";
import { LEAF } from "../pgtable.ts";
import { NO_STATE, type Abstraction } from "./abstraction.ts";

const BARE = 0;
const CUT = 1;
const WHOLE = 2;
const HUGE = 3;
const ORPHANED = 4;
const VALUES = ["bare", "cut", "whole", "huge", "orphaned"];

function abstract(k: Kernel, instance: number): number {
  const mm = Math.floor(instance / k.param.hugeRanges.get());
  return coverage(k, mm, instance - mm * k.param.hugeRanges.get());
}

function coverage(k: Kernel, mm: number, range: number): number {
  const first = range * k.param.hpagePmdNr.get();
  const end = first + k.param.hpagePmdNr.get();
  let areas = 0;
  let whole = 0;
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) !== mm || k.vma.detached.get(vma) || k.vma.start.get(vma) >= end || k.vma.end.get(vma) <= first) continue;
    areas++;
    if (k.vma.start.get(vma) <= first && k.vma.end.get(vma) >= end) whole++;
  }
  const leaf = (k.mm.pmd.get(mm, range) & LEAF) !== 0;
  if (leaf && whole === 0 && areas > 0) return NO_STATE;
  const value = leaf ? (whole > 0 ? HUGE : ORPHANED) : whole > 0 ? WHOLE : areas > 0 ? CUT : BARE;
  return value + VALUES.length * (areas + (k.vma.count + 1) * whole);
}

export const vmaBoundsAbstraction: Abstraction = {
  machine: "vma-bounds", values: VALUES,
  context: [{ name: "areas", size: (c) => c.vmas + 1 }, { name: "whole", size: (c) => c.vmas + 1 }],
  abstract,
};
