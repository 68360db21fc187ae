/**
 * Sleeping for the folio lock, by the grain `flags` (`config/grain.ts`): mm/filemap.c. Without it the folio lock is a mutex.
 *
 * Who sleeps sets PG_waiters, and whoever unlocks and finds that bit wakes it: a bit that is lost is a thread that sleeps for
 * ever. Joining the queue and setting the bit are one step, as they are under the lock of the queue; so is waking, with the
 * unlock that asks for it, because it only lets others go on.
 *
 * Not covered: the order of the queue, and that an exclusive waiter alone is woken. All of them are, and those that find the
 * folio locked sleep again. Lock order and sleeping under a spinlock are checked where the lock is a mutex.
 */
import { NONE, at, current, mutexTrylock, type Routine } from "thpcheck";
import type { Kernel } from "./mm-types.ts";
import type { Cpu, Pfn } from "./structs/types.ts";

/** @kernel include/linux/pagemap.h folio_lock(), mm/filemap.c __folio_lock(), folio_wait_bit_common() */
export function* folioLockOrSleep(k: Kernel, folio: Pfn): Routine {
  const cpu: Cpu = current(k);
  for (;;) {
    yield at("folio_trylock");
    if (mutexTrylock(k, k.page.lock.at(folio))) return;
    yield at("folio_set_waiters");
    joinFolioWaiters(k, folio);
    yield at("folio_trylock_flag");
    if (mutexTrylock(k, k.page.lock.at(folio))) {
      k.folioWait.folio.set(cpu, NONE);
      return;
    }
    yield at("io_schedule", () => k.folioWait.folio.once(cpu) === NONE);
  }
}

/**
 * This thread is to be woken when the folio is unlocked. It looks at PG_locked afterwards, lest that was done before.
 * @kernel include/linux/page-flags.h folio_set_waiters(), mm/filemap.c __add_wait_queue_entry_tail()
 */
export function joinFolioWaiters(k: Kernel, folio: Pfn): void {
  k.pageWaiters.set.set(folio, true);
  k.folioWait.folio.set(current(k), folio);
}

/** @kernel mm/filemap.c folio_unlock(): folio_xor_flags_has_waiters(), folio_wake_bit() */
export function folioWake(k: Kernel, folio: Pfn): void {
  if (!k.pageWaiters.set.get(folio)) return;
  k.pageWaiters.set.set(folio, false);
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    if (k.folioWait.folio.get(cpu) === folio) k.folioWait.folio.set(cpu, NONE);
  }
}
