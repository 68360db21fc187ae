/**
 * The reservation of a huge range: the hash of its VMA, or address space, has it, and `unused` is nr_unused.
 *
 * That a promotion has taken it out and not mapped the huge page yet is where that thread stands: the ghost
 * `collapse.promotion` says it, as `collapse.stage` does of the rest of a collapse.
 */
import { MECHANISM_OFF } from "../../spec/enumerations.ts";
import { NONE } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import { PROMOTION_INSTALLED, PROMOTION_NONE } from "../structs/ghosts.ts";
import type { Abstraction } from "./abstraction.ts";

const NOTHING = 0;
const RESERVED = 1;
const PROMOTING = 2;
const INSTALLED = 3;
const VALUES = ["none", "reserved", "promoting", "installed"];

function abstract(k: Kernel, instance: number): number {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    if (k.collapse.range.get(cpu) !== instance || k.collapse.promotion.get(cpu) === PROMOTION_NONE) continue;
    return k.collapse.promotion.get(cpu) === PROMOTION_INSTALLED ? INSTALLED : PROMOTING;
  }
  const res = reservationOf(k, instance);
  return res === NONE ? NOTHING : RESERVED + VALUES.length * k.resv.unused.get(res);
}

/** The reservation of a huge range, by its number, in whatever container; NONE: there is none. */
export function reservationOf(k: Kernel, instance: number): number {
  const mm = Math.floor(instance / k.param.hugeRanges.get());
  for (let container = 0; container < k.resvs.count; container++) {
    const res = k.resvs.hash.get(container, instance % k.param.hugeRanges.get());
    if (res !== NONE && mmOf(k, container) === mm) return res;
  }
  return NONE;
}

/** A container has the number of the address space, or of the VMA, that it is part of. */
function mmOf(k: Kernel, container: number): number {
  return k.param.resvPerMm.get() !== 0 ? container : k.vma.mm.get(container);
}

export const reservationAbstraction: Abstraction = {
  machine: "reservation", values: VALUES,
  context: [{ name: "unused", size: (c) => c.pagesPerHugePage + 1 }],
  abstract, when: (c) => c.resvMechanism !== MECHANISM_OFF,
};
