/**
 * References to address spaces: include/linux/sched/mm.h, and their end in kernel/fork.c.
 *
 * mm_users counts the threads and others that use the memory; the last one tears it down (`mmput` in fork.ts). mm_count
 * counts references to the object itself, all users together holding one.
 */
import { NONE, at, current, emit, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import type { Mm } from "./structs/types.ts";
import { hasReservations, reservationsOfFreedMm } from "./thp-reservation/container.ts";
import { userMemoryReset } from "./user-memory.ts";

/** One more user of the memory, which has one already. @kernel include/linux/sched/mm.h mmget() */
export function mmget(k: Kernel, mm: Mm): void {
  vmBugOn(k.mm.users.get(mm) === 0, "fork: a new user of an address space that is being torn down");
  k.mm.users.add(mm, 1);
}

/** One more reference to the object. @kernel include/linux/sched/mm.h mmgrab() */
export function mmgrab(k: Kernel, mm: Mm): void {
  k.mm.mmCount.add(mm, 1);
}

/**
 * Drops a reference to the object; with the last one goes the object.
 * @kernel include/linux/sched/mm.h mmdrop(), kernel/fork.c __mmdrop()
 */
export function* mmdrop(k: Kernel, mm: Mm): Routine {
  yield at("mmdrop");
  if (k.mm.mmCount.addReturn(mm, -1) > 0) return;
  k.mm.owner.set(mm, current(k));
  yield at("free_mm");
  mmFree(k, mm);
}

/**
 * Checks that nothing is left of an address space, and gives the object back.
 * @kernel kernel/fork.c check_mm(), free_mm()
 */
function mmFree(k: Kernel, mm: Mm): void {
  vmBugOn(k.mm.anonPages.get(mm) !== 0, "fork: Bad rss-counter state: MM_ANONPAGES is not 0 at the end of an address space");
  vmBugOn(k.mm.swapEntries.get(mm) !== 0, "fork: Bad rss-counter state: MM_SWAPENTS is not 0 at the end of an address space");
  vmBugOn(k.mm.nrPtes.get(mm) !== 0, "fork: non-zero pgtables_bytes at the end of an address space");
  for (let i = 0; i < k.param.hugeRanges.get(); i++) {
    vmBugOn(k.mm.pmd.get(mm, i) !== 0, "fork: a PMD is not none at the end of an address space");
  }
  if (hasReservations(k)) reservationsOfFreedMm(k, mm);
  k.mm.allocated.set(mm, false);
  k.mm.flags.set(mm, 0);
  k.mm.writeProtectSeq.set(mm, 0);
  userMemoryReset(k, mm);
  emit(k, EV.MM_FREE, mm);
  k.mm.owner.set(mm, NONE);
}
