/** Threads of scenarios around splits into folios that are still large: those who split, and those who get between. */
import { NONE, at, type Routine } from "thpcheck";
import { openGate, passGate, scheduleIn } from "../../../impl/entry/boot.ts";
import { load, store, sysExit, sysFork, sysMadvise, sysMremap, sysSplitHugePages } from "../../../impl/entry/syscalls.ts";
import { FOLL_PIN, FOLL_WRITE, gupFast, pinnedStore, unpinFolio } from "../../../impl/gup.ts";
import { splitFolioTo } from "../../../impl/huge-memory/split-folio.ts";
import { partsToward, uniformParts, type Parts } from "../../../impl/huge-memory/split-parts.ts";
import { MADV_COLLAPSE, MADV_DONTNEED, MADV_FREE, MADV_PAGEOUT } from "../../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import { folioTestLarge, pageFolioLockless } from "../../../impl/page-flags.ts";
import { folioTryGet } from "../../../impl/page-ref.ts";
import type { AddressOrErrno } from "../../../impl/mmap.ts";
import type { Errno, Pfn, Vpn } from "../../../impl/structs/types.ts";
import { folioLock, folioPutFound, folioUnlock } from "../../../impl/swap.ts";
import { SPLIT_DONE, SPLIT_FAILED } from "../../../kernel/actors.ts";
import { note, type K } from "../../../kernel/world.ts";

// ---- who splits ------------------------------------------------------------------------------------------------

/**
 * Splits the folio of a frame, which nobody has to map: no lock of the process is held.
 * @kernel mm/memory-failure.c get_hwpoison_page(), try_to_split_thp_page()
 */
function* splitFrame(k: K, page: Pfn, parts: Parts): Routine {
  yield at("get_hwpoison_page: page_folio");
  const folio: Pfn = pageFolioLockless(k, page);
  yield at("get_hwpoison_page: folio_try_get");
  if (!folioTryGet(k, folio)) return;
  yield at("get_hwpoison_page: page_folio again");
  let there: boolean = pageFolioLockless(k, page) === folio;
  if (there) {
    yield at("get_hwpoison_page: folio_test_lru");
    there = k.page.lru.once(folio);
  }
  if (there) {
    yield* folioLock(k, folio);
    if (folioTestLarge(k, folio)) {
      const error: Errno = yield* splitFolioTo(k, folio, parts);
      note(k, error === 0 ? SPLIT_DONE : SPLIT_FAILED);
    }
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  yield* folioPutFound(k, folio);
}
/** The folio of frame 0, into folios of two pages. */
export function* toTwos(k: K): Routine {
  yield* passGate(k);
  yield* splitFrame(k, 0, uniformParts(1));
}
/** The folio of frame 0, into single pages. */
export function* toOnes(k: K): Routine {
  yield* passGate(k);
  yield* splitFrame(k, 0, uniformParts(0));
}
/** Of eight pages, toward the sixth: four, one, that one, two. */
export function* towardSixth(k: K): Routine {
  yield* passGate(k);
  yield* splitFrame(k, 0, partsToward(k, 0, 5));
}
/** Of four pages, toward the last: two, and two single ones. */
export function* towardLast(k: K): Routine {
  yield* passGate(k);
  yield* splitFrame(k, 0, partsToward(k, 0, 3));
}
/** echo PID,0,1,1 > split_huge_pages */
export function* debugfsToTwos(k: K): Routine {
  yield* passGate(k);
  const split: AddressOrErrno = yield* sysSplitHugePages(k, 0, 0, 1, uniformParts(1));
  note(k, split > 0 ? SPLIT_DONE : SPLIT_FAILED);
}
/** echo PID,0,4,0,3 > split_huge_pages */
export function* debugfsTowardLast(k: K): Routine {
  yield* passGate(k);
  const split: AddressOrErrno = yield* sysSplitHugePages(k, 0, 0, 4, partsToward(k, 0, 3));
  note(k, split > 0 ? SPLIT_DONE : SPLIT_FAILED);
}

// ---- whose folio it is -----------------------------------------------------------------------------------------

/** A huge page of four pages, the first and the last of which are written to. */
function* fills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 3, 2);
  yield* openGate(k);
}
/** Writes to both of its halves, and reads them. */
export function* stores(k: K): Routine {
  yield* fills(k);
  yield* store(k, 1, 3);
  yield* store(k, 3, 1);
  yield* load(k, 0);
}
/** Before anybody splits it a page is gone, so that it is on the split queue; then it is filled again. */
export function* tears(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 3, 2);
  yield* sysMadvise(k, 2, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* store(k, 2, 3);
  yield* load(k, 3);
}
export function* discardsLast(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 3, 1, MADV_DONTNEED);
  yield* store(k, 3, 3);
  yield* load(k, 0);
}
export function* discardsHalf(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 2, 2, MADV_DONTNEED);
  yield* load(k, 2);
  yield* store(k, 0, 3);
}
export function* forks(k: K): Routine {
  yield* fills(k);
  yield* sysFork(k, 1);
  yield* store(k, 0, 3);
  yield* load(k, 3);
}
export function* moves(k: K): Routine {
  yield* fills(k);
  yield* sysMremap(k, 0, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 4);
  yield* load(k, 7);
  yield* store(k, 4, 3);
}
/** By one page: what the folio becomes lies out of alignment, and across the boundary of two tables. */
export function* movesByOne(k: K): Routine {
  yield* fills(k);
  yield* sysMremap(k, 0, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, 5);
  yield* load(k, 8);
  yield* store(k, 5, 3);
}
export function* collapsesAgain(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 0, 4, MADV_COLLAPSE);
  yield* load(k, 3);
}
export function* freesLazily(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 2, 2, MADV_FREE);
  yield* store(k, 2, 3);
  yield* load(k, 3);
}
/** Eight pages, of which the second and the sixth are written to. */
export function* ofEight(k: K): Routine {
  yield* store(k, 1, 1);
  yield* store(k, 5, 2);
  yield* openGate(k);
  yield* store(k, 5, 3);
  yield* load(k, 1);
}

// ---- who gets between ------------------------------------------------------------------------------------------

export function* storesBeside(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 2, 3);
  yield* load(k, 0);
}
export function* discardsBeside(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 2, 1, MADV_DONTNEED);
  yield* load(k, 3);
}
/** Four pages, from the middle of one half of eight to the middle of the other. */
export function* discardsMiddle(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 2, 4, MADV_DONTNEED);
  yield* load(k, 5);
}
/** A device writes through a pin of the last page of four. */
export function* device(k: K): Routine {
  yield* passGate(k);
  yield* pinsAndStores(k, 3);
}
export function* deviceOfSixth(k: K): Routine {
  yield* passGate(k);
  yield* pinsAndStores(k, 5);
}
function* pinsAndStores(k: K, vpn: Vpn): Routine {
  const page: Pfn = yield* gupFast(k, 0, vpn, FOLL_PIN | FOLL_WRITE);
  if (page === NONE) return;
  yield* pinnedStore(k, 0, vpn, page, 3);
  yield* unpinFolio(k, page);
}
export function* child(k: K): Routine {
  yield* scheduleIn(k);
  yield* store(k, 3, 3);
  yield* load(k, 0);
  yield* sysExit(k);
}
export function* pagesOut(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 4, MADV_PAGEOUT);
}
