/** One thread for each CPU, which carries out what the test has written down: an entry of the record of user memory. */
import { at, bool, int, spinLock, spinUnlock, struct, type Routine, type World } from "thpcheck";
import { kernelStructs } from "../../impl/mm-types.ts";
import type { KernelConfig } from "../../impl/config/options.ts";
import {
  userMemoryBegin, userMemoryDiscarded, userMemoryFreed, userMemoryLoaded, userMemoryReclaimed, userMemoryStored,
} from "../../impl/user-memory.ts";

export const DOES = { load: 0, store: 1, begin: 2, discarded: 3, freed: 4, reclaimed: 5 } as const;
export type Does = keyof typeof DOES;

export function structsWithOrder(c: KernelConfig) {
  return {
    ...kernelStructs(c),
    order: struct({
      does: int(0, 5, "which: DOES", { guard: "atomic" }),
      mm: int(0, 7, "address space", { guard: "atomic" }),
      vpn: int(0, 7, "page", { guard: "atomic" }),
      end: int(0, 7, "end of the range", { guard: "atomic" }),
      content: int(0, 7, "content", { guard: "atomic" }),
      locked: bool("while somebody has the lock of the PMDs, as a fault that is half-way", { guard: "atomic" }),
    }),
  };
}
export type Ordered = World<ReturnType<typeof structsWithOrder>>;

/** What a CPU does, in one step. For straight-line runs. */
export function* carriesOut(k: Ordered): Routine {
  const locked: boolean = k.order.locked.get();
  if (locked) yield* spinLock(k, k.mm.pmdLock.at(k.order.mm.get()));
  else yield at("order");
  const mm = k.order.mm.get();
  const vpn = k.order.vpn.get();
  switch (k.order.does.get()) {
    case DOES.load: userMemoryLoaded(k, mm, vpn, k.order.content.get()); break;
    case DOES.store: userMemoryStored(k, mm, vpn, k.order.content.get()); break;
    case DOES.begin: userMemoryBegin(k, mm, vpn, k.order.end.get()); break;
    case DOES.discarded: userMemoryDiscarded(k, mm, vpn, k.order.end.get()); break;
    case DOES.freed: userMemoryFreed(k, mm, vpn, k.order.end.get()); break;
    default: userMemoryReclaimed(k, mm, vpn, k.order.end.get() - vpn);
  }
  if (locked) spinUnlock(k, k.mm.pmdLock.at(k.order.mm.get()));
}
