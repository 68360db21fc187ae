/** A slot of the swap device, by its word in the swap table: whether a folio caches it, and how many swap entries name it. */
import { NONE } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import { NO_STATE, type Abstraction } from "./abstraction.ts";

const FREE = 0;
const CACHED = 1;
const STORED = 2;
const VALUES = ["free", "cached", "stored"];

function abstract(k: Kernel, slot: number): number {
  const entries = k.swapDevice.counts.get(0, slot);
  const used = k.swapDevice.used.get(0, slot);
  if (k.swapDevice.folio.get(0, slot) !== NONE) return used ? CACHED + VALUES.length * entries : NO_STATE;
  if (entries > 0) return used ? STORED + VALUES.length * entries : NO_STATE;
  return used ? NO_STATE : FREE;
}

export const swapEntryAbstraction: Abstraction = {
  machine: "swap-entry", values: VALUES,
  context: [{ name: "entries", size: (c) => c.mms + 1 }],
  abstract,
  when: (c) => c.swapSlots > 0,
};
