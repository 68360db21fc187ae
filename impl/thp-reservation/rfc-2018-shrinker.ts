/** Memory pressure, as in the patch of 2018. */
import { NONE, at, downWriteTrylock, spinLock, spinTrylock, spinUnlock, upWrite, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import { mmput } from "../fork.ts";
import type { Kernel } from "../mm-types.ts";
import type { Container, Frames, Mm, Pfn, PteIndex, Reservation } from "../structs/types.ts";
import { folioPut } from "../swap.ts";
import { freeReservation, lruDel, removeFromHash } from "./container.ts";
import { checkContainer, checkReservation } from "./rfc-2018.ts";

/**
 * Looks at the first reservation on the list. D3: mmput() with the reservation's lock held; it may be the last one, and
 * then tears the address space down.
 * @kernel mm/khugepaged.c thp_resvs_shrink_scan(), thp_lru_free_reservation(), patch of 2018
 * @returns pages given back
 */
export function* rfcShrink(k: Kernel): Routine<Frames> {
  yield* spinLock(k, k.resvLru.lock.at());
  if (k.resvLru.length.get() === 0) {
    spinUnlock(k, k.resvLru.lock.at());
    return 0;
  }
  const res: Reservation = k.resvLru.items.get(0);
  checkReservation(k, res);
  const container: Container = k.resv.container.get(res);
  yield at("spin_trylock(res->lock)");
  // D13: the container is gone where nothing has released the reservation.
  checkContainer(k, container);
  if (!spinTrylock(k, k.resvs.lock.at(container))) {
    spinUnlock(k, k.resvLru.lock.at());
    return 0;
  }
  const mm: Mm = k.vma.mm.get(k.resv.vma.get(res));
  vmBugOn(mm === NONE, "thp-reservation: the area of a reservation is used after it was freed");
  yield at("mmget_not_zero");
  if (!k.mm.users.addUnless(mm, 1, 0)) {
    spinUnlock(k, k.resvs.lock.at(container));
    spinUnlock(k, k.resvLru.lock.at());
    return 0;
  }
  yield at("down_write_trylock(mmap_sem)");
  if (!downWriteTrylock(k, k.mm.mmapLock.at(mm))) {
    spinUnlock(k, k.resvs.lock.at(container));
    spinUnlock(k, k.resvLru.lock.at());
    // mmput_async()
    yield* mmput(k, mm);
    return 0;
  }
  lruDel(k, res);
  spinUnlock(k, k.resvLru.lock.at());
  removeFromHash(k, res);
  yield at("up_write(mmap_sem)");
  upWrite(k, k.mm.mmapLock.at(mm));
  yield* mmput(k, mm);
  checkContainer(k, container);
  spinUnlock(k, k.resvs.lock.at(container));
  const page: Pfn = k.resv.page.get(res);
  const unused: PteIndex = k.resv.unused.get(res);
  freeReservation(k, res);
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) yield* folioPut(k, page + i);
  yield at("mod_node_page_state(NR_THP_RESERVED)");
  k.node.thpReserved.add(-unused);
  return unused;
}
