/**
 * mm/swap.c: references that are dropped, and the LRU with its per-CPU batches.
 *
 * The LRU has no order here, since nothing is reclaimed by age, unless the grain `lru` gives it lists (`lru-list.ts`).
 * A folio is on it (`page.lru`), off it, or in the batch of a CPU, which holds a reference until it is drained. A batch is
 * drained when it is full, at once for a large folio, or by lru_add_drain(). A folio leaves its batch and joins the LRU in
 * one step under lru_lock, and loses the batch's reference in the next. A CPU has another batch of folios that are on the
 * LRU, and are to become lazyfree.
 *
 * Not covered: the unevictable LRU, and the batches for activation and deactivation, which act at once, as if they were
 * full. Commit 33dfe9204f29 took a folio off the LRU while it waited in such a batch; 6.12.107 and 7.2.13 do not, nor does this.
 */
import { NONE, at, current, emit, mutexLock, mutexTrylock, mutexUnlock, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../spec/events.ts";
import { vmBugOn } from "./bug.ts";
import { pageIsFree } from "./dead-object.ts";
import { folioLockOrSleep, folioWake } from "./folio-wait.ts";
import { folioUnqueueDeferredSplit } from "./huge-memory/deferred-split.ts";
import { lruListAdd, lruListDel } from "./lru-list.ts";
import { freeFolio } from "./page-alloc.ts";
import { folioNrPages, folioTestLarge, hasSwap } from "./page-flags.ts";
import { folioGet, pagesDisown, pagesOwn } from "./page-ref.ts";
import type { Kernel } from "./mm-types.ts";
import type { Cpu, Order, Pfn, Refs } from "./structs/types.ts";
import { refsPutTestzero } from "./refcount/scheme.ts";
import { traceMmLruInsertion } from "./tracepoints.ts";

// ---- references ------------------------------------------------------------------------------------------------

/** Drops a reference; the last one frees the folio. Takes spinlocks, never sleeps. @kernel include/linux/mm.h folio_put() */
export function* folioPut(k: Kernel, folio: Pfn): Routine {
  yield* folioPutRefs(k, folio, 1);
}

/**
 * Drops a reference that was taken to whatever has a page frame, perhaps to what another thread is just allocating. So its
 * order is looked at only when the reference was the last.
 * @kernel include/linux/mm.h folio_put()
 */
export function* folioPutFound(k: Kernel, folio: Pfn): Routine {
  yield at("folio_put");
  if (!refsPutTestzero(k, folio, 1)) return;
  pagesOwn(k, folio, 0);
  const order: Order = k.page.order.get(folio);
  if (order > 0) {
    yield at("folio_put: pages");
    pagesOwn(k, folio, order);
  }
  yield* putReleasedFolio(k, folio);
}

/** Drops `refs` references at once. @kernel include/linux/mm.h folio_put_refs() */
export function* folioPutRefs(k: Kernel, folio: Pfn, refs: Refs): Routine {
  yield at("folio_put");
  const order: Order = k.page.order.get(folio);
  if (!refsPutTestzero(k, folio, refs)) return;
  pagesOwn(k, folio, order);
  yield* putReleasedFolio(k, folio);
}

/**
 * Drops the reference to a folio that its owner never published. A scanner that found the folio by its frame number
 * may hold another reference for a moment, and frees it then.
 * @kernel include/linux/mm.h folio_put()
 */
export function* folioPutNew(k: Kernel, folio: Pfn): Routine {
  yield at("folio_put");
  const order: Order = k.page.order.get(folio);
  if (!refsPutTestzero(k, folio, 1)) {
    pagesDisown(k, folio, order);
    return;
  }
  yield* putReleasedFolio(k, folio);
}

/**
 * Drops a reference in the caller's own step; true when it was the last, and putReleasedFolio() has to follow.
 * @kernel include/linux/mm.h folio_put_testzero()
 */
export function folioPutTestzero(k: Kernel, folio: Pfn): boolean {
  const order: Order = k.page.order.get(folio);
  if (!refsPutTestzero(k, folio, 1)) return false;
  pagesOwn(k, folio, order);
  return true;
}

/**
 * Frees a folio that has lost its last reference: off the LRU, off the deferred split queue, back to the buddy
 * allocator. Uncharging it has no effect here (see memcontrol.ts).
 * @kernel mm/swap.c __folio_put()
 */
export function* putReleasedFolio(k: Kernel, folio: Pfn): Routine {
  // Without references nobody can put the folio on the LRU or isolate it, so the flag is stable.
  if (k.page.lru.get(folio)) {
    yield* spinLock(k, k.lruvec.lock.at());
    lruvecDelFolio(k, folio);
    // In the kernel with the other flags, when the pages are free. Reclaim, which looks for lazyfree folios under this lock, finds
    // folios on the LRU only.
    k.page.swapbacked.set(folio, false);
    spinUnlock(k, k.lruvec.lock.at());
  }
  if (folioTestLarge(k, folio)) yield* folioUnqueueDeferredSplit(k, folio);
  yield* freeFolio(k, folio);
}

// ---- the folio lock --------------------------------------------------------------------------------------------

/** Sleeps until it has PG_locked. @kernel include/linux/pagemap.h folio_lock() */
export function* folioLock(k: Kernel, folio: Pfn): Routine {
  if (k.param.grainFlags.get() !== 0) yield* folioLockOrSleep(k, folio);
  else yield* mutexLock(k, k.page.lock.at(folio));
  vmBugOn(pageIsFree(k, folio), "use after free: folio_lock() of a page that has been freed");
}

/** @kernel include/linux/pagemap.h folio_trylock() */
export function folioTrylock(k: Kernel, folio: Pfn): boolean {
  vmBugOn(pageIsFree(k, folio), "use after free: folio_trylock() of a page that has been freed");
  return mutexTrylock(k, k.page.lock.at(folio));
}

/** @kernel mm/filemap.c folio_unlock() */
export function folioUnlock(k: Kernel, folio: Pfn): void {
  vmBugOn(pageIsFree(k, folio), "use after free: folio_unlock() of a page that has been freed");
  mutexUnlock(k, k.page.lock.at(folio));
  if (k.param.grainFlags.get() !== 0) folioWake(k, folio);
}

// ---- the LRU ---------------------------------------------------------------------------------------------------

/**
 * Puts a new folio into this CPU's batch, from where it reaches the LRU. The caller holds a reference. From here on others
 * can find the folio.
 * @kernel mm/swap.c folio_add_lru()
 */
export function* folioAddLru(k: Kernel, folio: Pfn): Routine {
  const order: Order = k.page.order.get(folio);
  folioGet(k, folio);
  pagesDisown(k, folio, order);
  emit(k, EV.FOLIO_LRU_ADD, folio);
  yield* batchAdd(k, folio);
}

/** The same for a folio that is in the swap cache, where others have found it. @kernel mm/swap.c folio_add_lru() */
export function* folioAddLruKnown(k: Kernel, folio: Pfn): Routine {
  yield at("folio_add_lru");
  folioGet(k, folio);
  emit(k, EV.FOLIO_LRU_ADD, folio);
  yield* batchAdd(k, folio);
}

/**
 * A fault is about to add the folio to the LRU, where nobody sees it yet: the multi-gen LRU takes that for a use.
 * @kernel mm/swap.c folio_add_lru(), lru_gen_in_fault()
 */
export function folioMarkFaulted(k: Kernel, folio: Pfn): void {
  if (k.param.faultMarksReferenced.get() !== 0) k.page.referenced.set(folio, true);
}

/** Empties this CPU's batch. @kernel mm/swap.c lru_add_drain() */
export function* lruAddDrain(k: Kernel): Routine {
  yield* lruAddDrainCpu(k, current(k));
}

/**
 * Empties the batches of all CPUs. The kernel queues work on each CPU and waits for it. Here the caller does the
 * work. That is the same, because a batch changes in single steps and every user sees it consistent.
 * @kernel mm/swap.c lru_add_drain_all()
 */
export function* lruAddDrainAll(k: Kernel): Routine {
  for (let cpu: Cpu = 0; cpu < k.cpu.count; cpu++) yield* lruAddDrainCpu(k, cpu);
}

/**
 * Takes the folio off the LRU, with a reference of its own, and counts it in NR_ISOLATED_ANON. False when it is not on
 * the LRU: in a batch, or isolated by somebody else. The caller holds a reference.
 *
 * The kernel tests and clears PG_lru before it takes lru_lock. Here both are one step, so this waits for the lock
 * even if the flag is clear. Nothing is taken inside lru_lock, so the wait ends. The isolation's reference is taken
 * last: the caller's reference keeps the folio until then.
 * @kernel mm/vmscan.c folio_isolate_lru()
 */
export function* folioIsolateLru(k: Kernel, folio: Pfn): Routine<boolean> {
  yield* spinLock(k, k.lruvec.lock.at());
  const isolated: boolean = k.page.lru.get(folio);
  if (isolated) lruvecIsolateFolio(k, folio);
  spinUnlock(k, k.lruvec.lock.at());
  if (!isolated) return false;
  yield at("folio_get");
  folioGet(k, folio);
  return true;
}

/**
 * Gives an isolated folio back to the LRU. The kernel adds it, which takes a reference for the batch, and drops that of
 * the isolation; since neither can be the last, the batch takes over the one there is.
 * @kernel mm/vmscan.c folio_putback_lru()
 */
export function* folioPutbackLru(k: Kernel, folio: Pfn): Routine {
  yield at("folio_putback_lru");
  k.lruvec.isolated.add(-folioNrPages(k, folio));
  emit(k, EV.FOLIO_PUTBACK, folio);
  yield* batchAdd(k, folio);
}

/**
 * Notes a use of the folio that is not through a mapping (accessed bits note those). The first use makes the folio
 * referenced, the second active. Each flag is a step of its own. A use that comes in between is lost, as in the
 * kernel. The multi-gen LRU counts further uses elsewhere; it is here with its switch only.
 * @kernel mm/swap.c folio_mark_accessed(), lru_gen_inc_refs()
 */
export function* folioMarkAccessed(k: Kernel, folio: Pfn): Routine {
  yield at("folio_test_referenced");
  const referenced: boolean = k.page.referenced.get(folio);
  if (k.param.usedStaysReferenced.get() !== 0 && referenced) return;
  yield at("folio_test_active");
  if (referenced && k.page.active.get(folio)) return;
  if (referenced) yield* folioActivate(k, folio);
  yield at("folio_set_referenced");
  k.page.referenced.set(folio, !referenced);
}

/**
 * In the kernel by way of a batch, which holds a reference: as if that were full. With the grain `lru` the folio moves to the
 * active list; without it there is one list, and the flag is all.
 * @kernel mm/folio.c folio_activate(), lru_activate(), __lru_cache_activate_folio(); mm/swap.c before 7.3
 * @holds a reference
 */
function* folioActivate(k: Kernel, folio: Pfn): Routine {
  if (k.param.grainLru.get() !== 0) {
    yield* spinLock(k, k.lruvec.lock.at());
    const lru: boolean = k.page.lru.get(folio);
    if (lru) lruvecDelFolio(k, folio);
    k.page.active.set(folio, true);
    if (lru) lruvecAddFolio(k, folio);
    spinUnlock(k, k.lruvec.lock.at());
  } else {
    yield at("folio_activate");
    k.page.active.set(folio, true);
  }
}

/**
 * The content of an anonymous folio is no longer needed unless it is written again: puts it into this CPU's batch, which
 * makes it lazyfree when it is drained. Until then the batch has a reference, for which a collapse or a split fails. Only
 * folios on the LRU: the caller has drained its batch.
 * @kernel mm/folio.c folio_mark_lazyfree(); mm/swap.c before 7.3
 * @holds a page-table lock, under which the folio is mapped
 */
export function* folioMarkLazyfree(k: Kernel, folio: Pfn): Routine {
  yield at("folio_test_swapbacked");
  if (!k.page.anon.get(folio) || !k.page.swapbacked.once(folio)) return;
  if (hasSwap(k)) {
    yield at("folio_test_swapcache");
    if (k.page.swap.once(folio) !== NONE) return;
  }
  yield at("folio_test_lru");
  if (!k.page.lru.once(folio)) return;
  yield at("folio_get");
  folioGet(k, folio);
  const cpu = current(k);
  const count = lazyfreeCount(k, cpu);
  vmBugOn(count === k.param.lruBatch.get(), "swap: a batch of folios that become lazyfree overflows");
  k.cpu.lruLazyfree.setOnce(cpu, count, folio);
  if (count + 1 === k.param.lruBatch.get() || folioTestLarge(k, folio)) yield* lazyfreeDrainCpu(k, cpu);
}

/**
 * The folio will be reclaimed sooner: it moves to the inactive list, as it would if the batch of deactivation were full.
 * Nothing to do for one that is not active, or not on the LRU. Kernels with CONFIG_LRU_GEN keep generations in place of the
 * flag, which is clear there.
 * @kernel mm/folio.c folio_deactivate(), lru_deactivate(); mm/swap.c before 7.3
 */
export function* folioDeactivate(k: Kernel, folio: Pfn): Routine {
  yield at("folio_test_active");
  if (!k.page.active.get(folio)) return;
  yield* spinLock(k, k.lruvec.lock.at());
  if (k.page.lru.get(folio)) {
    if (k.param.grainLru.get() !== 0) lruListDel(k, folio);
    yield at("folio_clear_active");
    k.page.active.set(folio, false);
    if (k.param.grainLru.get() !== 0) lruListAdd(k, folio);
    yield at("folio_clear_referenced");
    k.page.referenced.set(folio, false);
  }
  spinUnlock(k, k.lruvec.lock.at());
}

/**
 * Puts a folio on the LRU without a batch. The split of a folio does so for its parts.
 * @holds lru_lock
 * @kernel include/linux/mm_inline.h lruvec_add_folio()
 */
export function lruvecAddFolio(k: Kernel, folio: Pfn): void {
  vmBugOn(pageIsFree(k, folio), "use after free: a page that has been freed is put on the LRU");
  vmBugOn(k.page.lru.get(folio), "swap: a folio is put on the LRU twice");
  k.page.lru.set(folio, true);
  if (k.page.swapbacked.get(folio)) k.lruvec.anonPages.add(folioNrPages(k, folio));
  else k.lruvec.filePages.add(folioNrPages(k, folio));
  if (k.param.grainLru.get() !== 0) lruListAdd(k, folio);
}

/** @holds lru_lock @kernel include/linux/mm_inline.h lruvec_del_folio() */
export function lruvecDelFolio(k: Kernel, folio: Pfn): void {
  vmBugOn(!k.page.lru.get(folio), "swap: a folio is taken off the LRU that is not on it");
  k.page.lru.set(folio, false);
  if (k.param.grainLru.get() !== 0) lruListDel(k, folio);
  if (k.page.swapbacked.get(folio)) k.lruvec.anonPages.add(-folioNrPages(k, folio));
  else k.lruvec.filePages.add(-folioNrPages(k, folio));
}

/**
 * Takes the folio off the LRU, and counts it in NR_ISOLATED_ANON.
 * @holds lru_lock; the reference of the isolation, or one of the caller's until that is taken
 * @kernel mm/vmscan.c folio_isolate_lru(), isolate_lru_folios()
 */
export function lruvecIsolateFolio(k: Kernel, folio: Pfn): void {
  lruvecDelFolio(k, folio);
  k.lruvec.isolated.add(folioNrPages(k, folio));
  emit(k, EV.FOLIO_ISOLATE, folio);
}

// ---- batches ---------------------------------------------------------------------------------------------------

/** The reference of the caller becomes the batch's. @kernel mm/swap.c folio_batch_add_and_move() */
function* batchAdd(k: Kernel, folio: Pfn): Routine {
  const cpu = current(k);
  const drains: boolean = fillsBatch(k, folio);
  k.cpu.lruBatch.setOnce(cpu, batchCount(k, cpu), folio);
  if (drains) yield* lruAddDrainCpu(k, current(k));
}

/** The folio is the batch's last, or large: the batch is drained at once. */
function fillsBatch(k: Kernel, folio: Pfn): boolean {
  return batchCount(k, current(k)) + 1 === k.param.lruBatch.get() || folioTestLarge(k, folio);
}

/**
 * Moves folio by folio. The kernel moves all of them under one hold of the lock and drops their references
 * afterwards. Either way each folio is seen on the LRU, and then without the reference, at a moment of its own.
 * @kernel mm/swap.c lru_add_drain_cpu(), folio_batch_move_lru()
 */
function* lruAddDrainCpu(k: Kernel, cpu: Cpu): Routine {
  while (k.cpu.lruBatch.once(cpu, 0) !== NONE) {
    yield* spinLock(k, k.lruvec.lock.at());
    // Somebody else may have drained it meanwhile.
    const folio: Pfn = batchTake(k, cpu);
    if (folio !== NONE) {
      lruvecAddFolio(k, folio);
      yield* traceMmLruInsertion(k, folio);
    }
    spinUnlock(k, k.lruvec.lock.at());
    if (folio !== NONE) yield* folioPut(k, folio);
  }
  yield* lazyfreeDrainCpu(k, cpu);
}

/**
 * Makes the folios of the batch lazyfree, one by one as above. One that is off the LRU stays as it is.
 * @kernel mm/folio.c lru_add_drain_cpu(), folio_batch_move_lru(); mm/swap.c before 7.3
 */
function* lazyfreeDrainCpu(k: Kernel, cpu: Cpu): Routine {
  while (k.cpu.lruLazyfree.once(cpu, 0) !== NONE) {
    yield* spinLock(k, k.lruvec.lock.at());
    // Somebody else may have drained it meanwhile. The owner may add to it all the time, but only this lock takes folios out.
    const folio: Pfn = k.cpu.lruLazyfree.once(cpu, 0);
    if (folio !== NONE && k.page.lru.get(folio)) yield* lruLazyfree(k, folio);
    if (folio !== NONE) lazyfreeDelFirst(k, cpu);
    spinUnlock(k, k.lruvec.lock.at());
    if (folio !== NONE) yield* folioPut(k, folio);
  }
}

/**
 * Clears swapbacked and moves the folio to the file LRU, unless it is lazyfree already. Either way it is off the LRU
 * for a moment; in the kernel from before the lock is taken, which nobody can tell who needs the lock. The multi-gen LRU means to
 * clear the flag too, but asks a folio that it has just taken off its lists, and such a one has none to clear.
 * @kernel mm/folio.c lru_lazyfree(), with folio_test_clear_lru() and folio_set_lru() around it
 * @holds lru_lock, and a reference
 */
function* lruLazyfree(k: Kernel, folio: Pfn): Routine {
  lruvecDelFolio(k, folio);
  emit(k, EV.FOLIO_ISOLATE, folio);
  let becomes: boolean = k.page.anon.get(folio) && k.page.swapbacked.get(folio);
  if (hasSwap(k) && becomes) {
    yield at("folio_test_swapcache");
    becomes = k.page.swap.once(folio) === NONE;
  }
  if (becomes) {
    yield at("folio_clear_active");
    k.page.active.set(folio, false);
    if (k.param.usedStaysReferenced.get() === 0) {
      yield at("folio_clear_referenced");
      k.page.referenced.set(folio, false);
    }
    yield at("folio_clear_swapbacked");
    k.page.swapbacked.set(folio, false);
    k.vmstat.pglazyfree.add(folioNrPages(k, folio));
  }
  yield at("folio_set_lru");
  lruvecAddFolio(k, folio);
  emit(k, EV.FOLIO_PUTBACK, folio);
}

function batchCount(k: Kernel, cpu: Cpu): number {
  let n = 0;
  while (n < k.param.lruBatch.get() && k.cpu.lruBatch.once(cpu, n) !== NONE) n++;
  vmBugOn(n === k.param.lruBatch.get(), "swap: an LRU batch overflows");
  return n;
}

/** The newest folio of the batch; NONE when it is empty. */
function batchTake(k: Kernel, cpu: Cpu): Pfn {
  let last = NONE;
  for (let n = 0; n < k.param.lruBatch.get() && k.cpu.lruBatch.once(cpu, n) !== NONE; n++) last = n;
  if (last === NONE) return NONE;
  const folio = k.cpu.lruBatch.once(cpu, last);
  k.cpu.lruBatch.setOnce(cpu, last, NONE);
  return folio;
}

function lazyfreeCount(k: Kernel, cpu: Cpu): number {
  let n = 0;
  while (n < k.param.lruBatch.get() && k.cpu.lruLazyfree.once(cpu, n) !== NONE) n++;
  return n;
}

/** The newest one takes its place: the order is nobody's concern. */
function lazyfreeDelFirst(k: Kernel, cpu: Cpu): void {
  const last = lazyfreeCount(k, cpu) - 1;
  k.cpu.lruLazyfree.setOnce(cpu, 0, k.cpu.lruLazyfree.once(cpu, last));
  k.cpu.lruLazyfree.setOnce(cpu, last, NONE);
}
