/**
 * Core dumps, as far as page tables are concerned: fs/coredump.c, and get_dump_page() of mm/gup.c.
 *
 * All other threads of the process have ended when its memory is written out. So the walk took no mmap_lock until
 * 5.10 (`param.coredumpTakesMmapLock`). Code that changes the page tables of another process had to call
 * mmget_still_valid() after it got the lock.
 *
 * Not covered: the file, and signals.
 */
import { NONE, at, type Routine } from "thpcheck";
import { FOLL_DUMP, FOLL_FORCE, gupSlow, gupVma } from "./gup.ts";
import { mmapWriteLock, mmapWriteUnlock } from "./locking/mmap-lock.ts";
import type { Kernel } from "./mm-types.ts";
import type { Content, Mm, Pfn, Vma, Vpn } from "./structs/types.ts";
import { pageFolio } from "./page-flags.ts";
import { folioPut } from "./swap.ts";
import { userMemoryLoaded } from "./user-memory.ts";
import { vmaLookup } from "./vma-tree.ts";

/**
 * Nobody dumps the memory without mmap_lock.
 * @kernel include/linux/sched/mm.h mmget_still_valid(), 5.1 to 5.9
 * @holds mmap_lock for writing
 */
export function mmgetStillValid(k: Kernel, mm: Mm): boolean {
  return k.param.coredumpTakesMmapLock.get() !== 0 || !k.mm.coreState.get(mm);
}

/**
 * Writes the pages start..end - 1 out, which hold what the process stored last.
 * @kernel fs/coredump.c coredump_wait(), dump_user_range()
 * @holds nothing; no other thread of the process runs any more
 */
export function* doCoredump(k: Kernel, mm: Mm, start: Vpn, end: Vpn): Routine {
  yield* mmapWriteLock(k, mm);
  k.mm.coreState.set(mm, true);
  yield* mmapWriteUnlock(k, mm);
  for (let vpn: Vpn = start; vpn < end; vpn++) {
    const page: Pfn = yield* getDumpPage(k, mm, vpn);
    yield at("dump_emit");
    // What was never touched is a hole in the file.
    const content: Content = page === NONE ? 0 : k.page.content.get(page);
    userMemoryLoaded(k, mm, vpn, content);
    if (page !== NONE) yield* folioPut(k, pageFolio(k, page));
  }
}

/** @kernel mm/gup.c get_dump_page() @returns the page with a reference; NONE: there is nothing */
function* getDumpPage(k: Kernel, mm: Mm, vpn: Vpn): Routine<Pfn> {
  if (k.param.coredumpTakesMmapLock.get() !== 0) return yield* gupSlow(k, mm, vpn, FOLL_FORCE | FOLL_DUMP);
  const vma: Vma = vmaLookup(k, mm, vpn);
  return yield* gupVma(k, vma, vpn, FOLL_FORCE | FOLL_DUMP);
}
