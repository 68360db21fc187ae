/** An address space: the slab and mm_users say it, and khugepaged's list says whether it is registered. */
import type { Kernel } from "../mm-types.ts";
import type { Abstraction } from "./abstraction.ts";

const ABSENT = 0;
const ALIVE = 1;
const EXITING = 2;
const VALUES = ["absent", "alive", "exiting"];

function abstract(k: Kernel, mm: number): number {
  const registered = k.khugepaged.slots.has(mm) ? VALUES.length : 0;
  if (!k.mm.allocated.get(mm)) return ABSENT + registered;
  return (k.mm.users.get(mm) > 0 ? ALIVE : EXITING) + registered;
}

export const mmAbstraction: Abstraction = {
  machine: "mm", values: VALUES, context: [{ name: "registered", size: () => 2, truth: true }], abstract,
};
