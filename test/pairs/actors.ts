/** What goes on in the background of calls, one routine each. Each says whether there was something to do, and it did it. */
import { at, type Routine } from "thpcheck";
import { vmBugOn } from "../../impl/bug.ts";
import { load, store } from "../../impl/entry/syscalls.ts";
import { dumpPageTables } from "../../impl/gup.ts";
import { deferredSplitScan } from "../../impl/huge-memory/deferred-split-shrinker.ts";
import { shrinkHugeZeroFolioCount, shrinkHugeZeroFolioScan } from "../../impl/huge-memory/huge-zero.ts";
import { splitFolio } from "../../impl/huge-memory/split-folio.ts";
import { folioTestLarge, pageFolio, pageFolioLockless } from "../../impl/page-flags.ts";
import { folioTryGet } from "../../impl/page-ref.ts";
import type { Content, Errno, Frames, Pfn, Vpn } from "../../impl/structs/types.ts";
import { folioLock, folioPut, folioPutFound, folioUnlock } from "../../impl/swap.ts";
import { reservationsShrink } from "../../impl/thp-reservation/shrinker.ts";
import { shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { ACTOR, FIRST_ACTOR } from "./operations.ts";
import { firstPage, type K, type OperationNumber } from "./state.ts";

/** The actor with this number, from FIRST_ACTOR on. */
export function* act(k: K, n: OperationNumber): Routine<boolean> {
  switch (n - FIRST_ACTOR) {
    case ACTOR["reclaim-lazyfree"]: return yield* reclaims(k);
    case ACTOR["shrink-split-queue"]: return yield* shrinksSplitQueue(k);
    case ACTOR["shrink-huge-zero"]: return yield* shrinksHugeZero(k);
    case ACTOR["shrink-reservations"]: return yield* shrinksReservations(k);
    case ACTOR["split-folio"]: return yield* splits(k);
    case ACTOR["scan-frame"]: return yield* scansFrame(k);
    case ACTOR["dump-page-tables"]: return yield* dumps(k);
    case ACTOR["cached-loads"]: return yield* loadsTwice(k);
    case ACTOR["cached-stores"]: return yield* storesTwice(k);
    case ACTOR["reference"]: return yield* refersFor(k);
    default: vmBugOn(true, "pairs: no actor has this number");
  }
  return false;
}

/** @kernel mm/vmscan.c shrink_folio_list(), for the folio of one frame */
function* reclaims(k: K): Routine<boolean> {
  yield at("isolate_lru_folios");
  const frame: Pfn = k.pair.frame.get();
  return yield* shrinkLazyfreeFolio(k, frame);
}
/** @kernel mm/huge_memory.c deferred_split_scan() */
function* shrinksSplitQueue(k: K): Routine<boolean> {
  const split: Frames = yield* deferredSplitScan(k);
  return split > 0;
}
/** @kernel mm/huge_memory.c shrink_huge_zero_folio_count(), shrink_huge_zero_folio_scan() */
function* shrinksHugeZero(k: K): Routine<boolean> {
  yield at("shrink_huge_zero_folio_count");
  if (shrinkHugeZeroFolioCount(k) === 0) return false;
  return yield* shrinkHugeZeroFolioScan(k);
}
/** @kernel mm/khugepaged.c thp_resvs_shrink_scan(), patch of 2018 */
function* shrinksReservations(k: K): Routine<boolean> {
  const freed: Frames = yield* reservationsShrink(k);
  return freed > 0;
}
/** @kernel mm/huge_memory.c split_huge_pages_all(), for one frame */
function* splits(k: K): Routine<boolean> {
  yield at("split_huge_pages: page_folio");
  const page: Pfn = k.pair.frame.get();
  const folio: Pfn = pageFolioLockless(k, page);
  yield at("split_huge_pages: folio_try_get");
  if (!folioTryGet(k, folio)) return false;
  let done: boolean = false;
  yield at("split_huge_pages: page_folio again");
  let there: boolean = pageFolioLockless(k, page) === folio;
  if (there) {
    // A page that is just being allocated can have a reference as well.
    yield at("split_huge_pages: folio_test_lru");
    there = k.page.lru.once(folio) && folioTestLarge(k, folio);
  }
  if (there) {
    yield* folioLock(k, folio);
    const error: Errno = yield* splitFolio(k, folio);
    done = error === 0;
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  yield* folioPutFound(k, folio);
  return done;
}
/** A reference to whatever begins at the frame. @kernel mm/compaction.c isolate_migratepages_block(): folio_get_nontail_page() */
function* scansFrame(k: K): Routine<boolean> {
  yield at("get_page_unless_zero");
  const page: Pfn = k.pair.frame.get();
  if (!folioTryGet(k, page)) return false;
  yield* folioPut(k, page);
  return true;
}
/** @kernel mm/ptdump.c ptdump_walk_pgd() */
function* dumps(k: K): Routine<boolean> {
  yield* dumpPageTables(k, 0);
  return true;
}
/** The second load goes by the translation that the first one left, unless that was flushed. */
function* loadsTwice(k: K): Routine<boolean> {
  yield at("loads");
  const vpn: Vpn = firstPage(k);
  yield* load(k, vpn);
  const content: Content = yield* load(k, vpn);
  return content !== k.param.contents.get();
}
/** The same with stores. */
function* storesTwice(k: K): Routine<boolean> {
  yield at("stores");
  const vpn: Vpn = firstPage(k);
  yield* store(k, vpn, 3);
  return yield* store(k, vpn, 2);
}
/** A reference that comes and goes, to the folio around the frame behind. @kernel mm/gup.c try_get_folio() */
function* refersFor(k: K): Routine<boolean> {
  yield at("page_folio");
  const page: Pfn = k.pair.frame.get() + 1;
  const folio: Pfn = pageFolio(k, page);
  yield at("folio_try_get");
  if (!folioTryGet(k, folio)) return false;
  yield at("page_folio again");
  const same: boolean = pageFolio(k, page) === folio;
  yield* folioPut(k, folio);
  return same;
}
