/**
 * Splitting a large folio into smaller ones: mm/huge_memory.c __folio_split(), to any order (`split-parts.ts`).
 *
 * All mappings become migration entries, which takes their references away. If only the caller's reference is left,
 * the count is frozen at 0. Then nobody can take a reference, and parts of it can be made folios of their own. Then the
 * entries become mappings again. Any other reference (a pin, an isolation, a batch, a lockless walker) makes it fail,
 * and the folio is mapped as before.
 *
 * The steps, as labels: S1 is the caller's. S2 take the anon_vma; S3 its lock; S4 compare the counts; S5 for each
 * VMA, PMD and PTE: migration entries (`migrate.ts`, `split-pmd.ts`); S8 freeze; S9 off the deferred split queue; S10
 * lru_lock; S12 unfreeze each part; S13 unfreeze the first one; S15 for each part, VMA and PTE: map again; S16 unlock
 * and put each part. Some steps are part of a neighbour. S6, the flush, comes with each PTE that is cleared (see
 * `migrate.ts`). S7, interrupts off, is a right mover and comes with S8. S11, preparing the parts, comes with S10 as
 * far as nobody can see it. S14 and S17 are releases, left movers, and come with the step before.
 *
 * A split of the PMD alone (`split-pmd.ts`) cannot fail. This can, and every caller has another way then.
 *
 * A folio in the swap cache is split into single pages only, each of which takes over its slot, before the first one can be
 * referenced again; not while it is being written.
 *
 * Not covered: file folios with their page-cache entries, device-private folios, folio_split_unmapped(), -ENOMEM.
 */
import { NONE, at, emit, mutexTrylock, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { anonVmaLockWrite, anonVmaUnlockWrite, folioGetAnonVma, putAnonVma } from "../anon-vma.ts";
import { vmBugOn } from "../bug.ts";
import { EAGAIN, EBUSY, EINVAL } from "../errno.ts";
import { removeMigrationPtes, tryToMigrate } from "../migrate.ts";
import { judgeEarlyFailure, judgeExpected, judgeFreezeFailure, judgeUnmapped, splitForgets } from "../lost-function.ts";
import { lruListAddPart } from "../lru-list.ts";
import { cloneFlags } from "../page-flag-word.ts";
import type { Kernel } from "../mm-types.ts";
import type { AnonVma, Errno, Order, Pfn, PteIndex, Refs } from "../structs/types.ts";
import { folioNrPages, folioTestPmdMappable, folioTestSwapcache, hasSwap, pageFolio } from "../page-flags.ts";
import { folioCacheRefCount, folioExpectedRefCount, folioGet, folioRefFreeze, folioRefUnfreeze } from "../page-ref.ts";
import { localIrqRestore, localIrqSave } from "../rcu.ts";
import { accountSplit, refsOfSplitPage } from "../refcount/scheme.ts";
import { folioPut, folioUnlock } from "../swap.ts";
import { swapCacheReplaceFolio } from "../swap/swap-state.ts";
import { freeSwapCache } from "../swap/swapfile.ts";
import { folioUnqueueDeferredSplit, unqueueFrozen } from "./deferred-split.ts";
import { modNrAnon } from "./mthp-stat.ts";
import { hasMiddleOrders } from "./orders.ts";
import {
  SINGLE_PAGES, canBeSplit, isUniform, partOrder, partPages, smallestOrder, splitAt, type PartOrder, type Parts,
} from "./split-parts.ts";
import { forgetUnmapped, noteTornPart } from "./unmapped-in-split.ts";

/**
 * Splits the folio into single pages. The caller's lock and reference stay on the first one; the others keep the
 * references of their mappings only, and are freed if they have none.
 * @kernel mm/huge_memory.c split_folio(), __folio_split()
 * @holds folio lock, exactly one reference of its own
 * @returns 0; -EINVAL: a single page, or the huge zero page; -EBUSY: nothing maps it, or it is being written; -EAGAIN: somebody
 *   else holds a reference. On failure the folio is mapped as before, perhaps by PTEs.
 */
export function* splitFolio(k: Kernel, folio: Pfn): Routine<Errno> {
  const pmdSize: boolean = folioTestPmdMappable(k, folio);
  splitForgets(k);
  const error: Errno = yield* splitToParts(k, folio, SINGLE_PAGES, false);
  splitForgets(k);
  countSplit(k, folio, pmdSize, error);
  return error;
}

/**
 * The same for a folio that the caller has isolated from the LRU: the parts are isolated as well, each with a reference of
 * the caller's, who puts them on a list of its own. The kernel does that in here, where nobody else sees that list.
 * @kernel mm/huge_memory.c split_folio_to_list()
 * @holds folio lock, exactly one reference of its own, the isolation
 * @returns as splitFolio()
 */
export function* splitFolioToList(k: Kernel, folio: Pfn): Routine<Errno> {
  const pmdSize: boolean = folioTestPmdMappable(k, folio);
  splitForgets(k);
  const error: Errno = yield* splitToParts(k, folio, SINGLE_PAGES, true);
  splitForgets(k);
  countSplit(k, folio, pmdSize, error);
  return error;
}

/**
 * Splits the folio into parts as `parts` says. The caller's lock and reference stay on the first one; the others keep the
 * references of their mappings only. Parts are on no split queue, also those of which pages have been unmapped.
 * @kernel mm/huge_memory.c split_folio_to_order(), folio_split(), __folio_split()
 * @holds folio lock, exactly one reference of its own
 * @returns as splitFolio(); -EINVAL: also an order that it cannot have parts of, or a page that is none of its own
 */
export function* splitFolioTo(k: Kernel, folio: Pfn, parts: Parts): Routine<Errno> {
  const pmdSize: boolean = folioTestPmdMappable(k, folio);
  splitForgets(k);
  if (!canBeSplit(k, k.page.order.get(folio), parts)) {
    if (k.param.splitCountsRefusals.get() !== 0) countSplit(k, folio, pmdSize, -EINVAL);
    return -EINVAL;
  }
  const error: Errno = yield* splitToParts(k, folio, parts, false);
  splitForgets(k);
  countSplit(k, folio, pmdSize, error);
  return error;
}

/** A success is counted for its size where the folio loses it: splitFrozenFolio(). */
function countSplit(k: Kernel, folio: Pfn, pmdSize: boolean, error: Errno): void {
  if (pmdSize) {
    if (error === 0) k.vmstat.thpSplitPage.add(1);
    else k.vmstat.thpSplitPageFailed.add(1);
  }
  if (error !== 0) k.mthpStat.splitFailed.add(k.page.order.get(folio), 1);
  if (error !== 0) emit(k, EV.FOLIO_SPLIT_FAIL, folio);
}

/** `isolated`: the caller has it off the LRU. */
function* splitToParts(k: Kernel, folio: Pfn, parts: Parts, isolated: boolean): Routine<Errno> {
  if (k.page.order.get(folio) === 0) return -EINVAL;
  if (hasSwap(k)) yield at("folio_test_anon");
  if (!k.page.anon.get(folio)) return -EINVAL;
  if (folioTestSwapcache(k, folio)) {
    if (parts !== SINGLE_PAGES) return -EINVAL;
    yield at("folio_test_writeback");
    if (k.page.writeback.get(folio) !== 0) return -EBUSY;
  }
  const anonVma: AnonVma = yield* folioGetAnonVma(k, folio);
  if (anonVma === NONE) {
    judgeUnmapped(k, folio);
    return -EBUSY;
  }
  yield* anonVmaLockWrite(k, anonVma);

  const error: Errno = yield* splitUnderAnonVma(k, folio, parts, isolated);

  anonVmaUnlockWrite(k, anonVma);
  yield at("put_anon_vma");
  yield* putAnonVma(k, anonVma);
  return error;
}

/** @holds folio lock, anon_vma lock for writing */
function* splitUnderAnonVma(k: Kernel, folio: Pfn, parts: Parts, isolated: boolean): Routine<Errno> {
  // Compares first, so that no PMD is split for nothing. These are two reads, so the answer may be stale. The freeze
  // below decides.
  yield at("S4: folio_expected_ref_count");
  const expected: Refs = folioExpectedRefCount(k, folio);
  judgeExpected(k, folio, expected);
  yield at("S4: folio_ref_count");
  if (k.page.refcount.get(folio) - 1 !== expected) {
    judgeEarlyFailure(k, folio, expected);
    return -EAGAIN;
  }
  yield* tryToMigrate(k, folio); // unmap_folio()

  const nr: PteIndex = folioNrPages(k, folio);
  const frozen: boolean = yield* freezeFolio(k, folio);
  if (!frozen) {
    judgeFreezeFailure(k, folio);
    yield* removeMigrationPtes(k, folio, false);
    return -EAGAIN;
  }
  yield* splitFrozenFolio(k, folio, parts, isolated);

  for (let i: PteIndex = 0; i < nr; i += partPages(k, folio, folio + i, parts)) {
    yield* removeMigrationPtes(k, folio + i, k.param.splitZeroRemap.get() !== 0);
    if (hasMiddleOrders(k)) noteTornPart(k, folio + i);
  }
  for (let i: PteIndex = partPages(k, folio, folio, parts); i < nr; i += partPages(k, folio, folio + i, parts)) {
    yield at("S16: folio_unlock");
    folioUnlock(k, folio + i);
    yield* freeSwapCache(k, folio + i);
    yield* folioPut(k, folio + i);
  }
  return 0;
}

/**
 * Takes the last reference, if there is no other, with interrupts off from then on.
 *
 * Masking interrupts only delays others, so it belongs to the step that follows. Unmasking belongs to the step before.
 * @kernel mm/huge_memory.c __folio_freeze_and_split_unmapped()
 * @returns whether it could; if not, interrupts are as before
 */
function* freezeFolio(k: Kernel, folio: Pfn): Routine<boolean> {
  // With its list words the folio leaves the queue in the same section, before a scan can meet it frozen on the queue.
  if (k.param.grainLists.get() !== 0) yield* spinLock(k, k.deferredSplit.lock.at());
  else yield at("S8: folio_ref_freeze");
  localIrqSave(k);
  const cached: Refs = folioCacheRefCount(k, folio);
  const frozen: boolean = folioRefFreeze(k, folio, 1 + cached);
  // To the machines the references of the swap cache go before the last one, and come back behind it.
  if (frozen && cached > 0) emit(k, EV.FOLIO_PUT, folio, cached);
  if (frozen) emit(k, EV.FOLIO_FREEZE, folio);
  else localIrqRestore(k);
  if (k.param.grainLists.get() !== 0) {
    if (frozen) yield* unqueueFrozen(k, folio);
    spinUnlock(k, k.deferredSplit.lock.at());
  }
  return frozen;
}

/**
 * Parts become folios, each with one reference: all are locked, and on the LRU, as the large one was; or isolated, as
 * that was, each with a reference more.
 *
 * The count of the first part is 0 until the end, and that of each other part until its own turn. A lockless walker
 * that finds a page by its frame number can take no reference, whatever `head` says. So the pages are this thread's
 * alone; others may look only at the lock bit and `head`. The count of the first part is set last: a thread that
 * waits for it continues then, and uses the others.
 * @kernel mm/huge_memory.c __folio_freeze_and_split_unmapped(), __split_unmapped_folio()
 * @holds the frozen folio, its lock; interrupts are off
 */
function* splitFrozenFolio(k: Kernel, folio: Pfn, parts: Parts, isolated: boolean): Routine {
  const nr: PteIndex = folioNrPages(k, folio);
  if (k.param.grainLists.get() === 0) yield* folioUnqueueDeferredSplit(k, folio);
  const cached: boolean = folioTestSwapcache(k, folio);
  if (cached) yield* spinLock(k, k.swapDevice.lock.at(0));
  yield* spinLock(k, k.lruvec.lock.at());
  accountSplit(k, folio);
  vmBugOn(!isolated && !k.page.lru.get(folio), "split-folio: nobody else holds a reference, but the folio is not on the LRU");
  vmBugOn(isolated && k.page.lru.get(folio), "split-folio: a folio is on the LRU that the caller has isolated");
  k.mthpStat.split.add(k.page.order.get(folio), 1);
  if (isUniform(k, parts)) yield* splitFrozenToOrder(k, folio, smallestOrder(k, parts));
  else yield* splitFrozenToward(k, folio, parts);
  for (let i: PteIndex = partPages(k, folio, folio, parts); i < nr; i += partPages(k, folio, folio + i, parts)) {
    yield at("S12: folio_ref_unfreeze");
    folioRefUnfreeze(k, folio + i, refsOfSplitPage(k, folio + i));
    emit(k, EV.FOLIO_UNFREEZE, folio + i, partOrder(k, folio, folio + i, parts));
    if (cached) emit(k, EV.FOLIO_GET, folio + i, 1);
    yield at("lru_add_split_folio");
    if (isolated) folioGet(k, folio + i);
    else {
      k.page.lru.set(folio + i, true); // the LRU counts pages: nothing to add
      if (k.param.grainLru.get() !== 0) lruListAddPart(k, folio + i, folio);
      emit(k, EV.FOLIO_LRU_ADD, folio + i);
    }
    if (cached) yield* swapCacheReplaceFolio(k, folio, folio + i);
  }
  yield at("S13: folio_ref_unfreeze");
  folioRefUnfreeze(k, folio, refsOfSplitPage(k, folio));
  emit(k, EV.FOLIO_UNFREEZE, folio, partOrder(k, folio, folio, parts));
  if (cached) emit(k, EV.FOLIO_GET, folio, 1);
  spinUnlock(k, k.lruvec.lock.at());
  if (cached) spinUnlock(k, k.swapDevice.lock.at(0));
  localIrqRestore(k);
}

/**
 * Halves the folio, then the half with the page, and so on. There are no anonymous folios below the smallest order of a large
 * one but single pages: such a step is left out.
 * @kernel mm/huge_memory.c __split_unmapped_folio(), SPLIT_TYPE_NON_UNIFORM
 * @holds as splitFrozenFolio(), and lru_lock
 */
function* splitFrozenToward(k: Kernel, folio: Pfn, parts: Parts): Routine {
  let part: Pfn = folio;
  let order: Order = k.page.order.get(folio);
  while (order > smallestOrder(k, parts)) {
    order = order - 1;
    if (order > 0 && order < k.param.minLargeOrder.get()) continue;
    yield* splitFrozenToOrder(k, part, order);
    part = pageFolio(k, folio + splitAt(k, parts));
  }
}

/**
 * The frozen folio becomes folios of this order, frozen as it is. A tail page that is read meanwhile leads to the old head or to
 * its new one: neither has a reference to take.
 * @kernel mm/huge_memory.c __split_folio_to_order(); mm/page_alloc.c prep_compound_page()
 * @holds as splitFrozenFolio(), and lru_lock
 */
function* splitFrozenToOrder(k: Kernel, folio: Pfn, newOrder: PartOrder): Routine {
  const order: Order = k.page.order.get(folio);
  for (let i: PteIndex = 1 << newOrder; i < 1 << order; i += 1 << newOrder) {
    if (k.param.grainFlags.get() !== 0) yield* cloneFlags(k, folio, folio + i);
    splitOff(k, folio, folio + i);
    yield at("S11: PG_locked");
    const locked: boolean = mutexTrylock(k, k.page.lock.at(folio + i));
    vmBugOn(!locked, "split-folio: somebody has locked a tail page");
    yield at("S11: clear_compound_head");
    k.page.head.set(folio + i, NONE);
    if (hasMiddleOrders(k)) yield* prepPart(k, folio + i, newOrder);
  }
  modNrAnon(k, order, -1);
  modNrAnon(k, newOrder, 1 << (order - newOrder));
  for (let i = 0; i < 1 << order; i += 1 << newOrder) k.page.order.set(folio + i, newOrder);
  forgetUnmapped(k, folio);
  emit(k, EV.FOLIO_SPLIT, folio, order, newOrder);
}

/** The tails of a part learn of their head. @kernel mm/page_alloc.c prep_compound_page() @holds as splitFrozenToOrder() */
function* prepPart(k: Kernel, part: Pfn, order: PartOrder): Routine {
  for (let i: PteIndex = 1; i < 1 << order; i++) {
    yield at("S11: prep_compound_page");
    k.page.head.set(part + i, part);
  }
}

/** The head of a part takes over what the folio was. @kernel mm/huge_memory.c __split_folio_to_order() */
function splitOff(k: Kernel, folio: Pfn, page: Pfn): void {
  vmBugOn(k.page.mapcount.get(page) !== -1, "split-folio: a page that is split off is mapped");
  k.page.anon.set(page, true);
  k.page.mapping.set(page, k.page.mapping.get(folio));
  k.page.index.set(page, k.page.index.get(folio) + page - folio);
  k.page.swapbacked.set(page, k.page.swapbacked.get(folio));
  k.page.active.set(page, k.page.active.get(folio));
  k.page.referenced.set(page, k.page.referenced.get(folio));
  k.page.uptodate.set(page, k.page.uptodate.get(folio));
  k.page.dirty.set(page, k.page.dirty.get(folio));
  // The slot of a tail is its own from now on; the swap table still leads to the head.
  if (folioTestSwapcache(k, folio)) k.page.swap.set(page, k.page.swap.get(folio) + page - folio);
}
