/**
 * What threads of several scenarios do. Each is one routine, and so one place of each of its labels; a thread that does
 * anything else beside is written where it is used.
 */
import { NONE, at, type Routine } from "thpcheck";
import { ENABLED_ALWAYS } from "../impl/config/knobs.ts";
import { openGate, passGate } from "../impl/entry/boot.ts";
import { load, store, sysMadvise } from "../impl/entry/syscalls.ts";
import { deferredSplitScan } from "../impl/huge-memory/deferred-split-shrinker.ts";
import { splitFolio } from "../impl/huge-memory/split-folio.ts";
import { khugepaged, khugepagedDoScan } from "../impl/khugepaged.ts";
import { MADV_COLLAPSE, MADV_HUGEPAGE } from "../impl/madvise.ts";
import { folioTestLarge, pageFolioLockless } from "../impl/page-flags.ts";
import { folioTryGet } from "../impl/page-ref.ts";
import { ENTRY_NONE, entryTarget, entryZeroPage, LEAF, pmdTable, pteSwap } from "../impl/pgtable.ts";
import type { Kernel } from "../impl/mm-types.ts";
import type { Content, Errno, Frames, Mm, Pfn, Vpn } from "../impl/structs/types.ts";
import { folioLock, folioPutFound, folioUnlock } from "../impl/swap.ts";
import { KNOB_ENABLED, sysfsStore } from "../impl/sysfs.ts";
import { reservationsShrink } from "../impl/thp-reservation/shrinker.ts";
import { userMemoryStored } from "../impl/user-memory.ts";
import { note, type K as Noting, type Met } from "./world.ts";

/** Every world, also one in which nobody notes anything. */
type K = Omit<Noting, "seen">;

// ---- splits ----------------------------------------------------------------------------------------------------

/** What `splitPage` notes. */
export const SPLIT_DONE: Met = 0;
export const SPLIT_FAILED: Met = 1;

/**
 * Splits the folio of a page frame, whoever uses it: `echo 1 > split_huge_pages`.
 * @kernel mm/huge_memory.c split_huge_pages_all()
 */
export function* splitPage(k: Noting, page: Pfn): Routine {
  yield at("split_huge_pages: page_folio");
  const folio: Pfn = pageFolioLockless(k, page);
  yield at("split_huge_pages: folio_try_get");
  if (!folioTryGet(k, folio)) return;
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
    note(k, error === 0 ? SPLIT_DONE : SPLIT_FAILED);
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  yield* folioPutFound(k, folio);
}

/** Splits the folio of frame 0. */
export function* splitter(k: Noting): Routine {
  yield* passGate(k);
  yield* splitPage(k, 0);
}
/** One call of the split queue's shrinker. */
export function* shrinker(k: K): Routine {
  yield* passGate(k);
  yield* deferredSplitScan(k);
}

// ---- pins ------------------------------------------------------------------------------------------------------

/**
 * A device writes through the pin that was taken at `vpn`. The process sees it where the page is still what it has there;
 * a page that it has discarded meanwhile is nobody's. That nobody else has it is what is to be shown: whoever else reads
 * this page reads what was not stored.
 */
export function* deviceWrites(k: K, mm: Mm, vpn: Vpn, page: Pfn, content: Content): Routine {
  yield at("store through a pin", null, { instruction: true });
  k.page.content.set(page, content);
  if (pageAt(k, mm, vpn) === page) userMemoryStored(k, mm, vpn, content);
}
/** The frame behind `vpn`, mapped or behind a migration entry; NONE for nothing and for zero pages. */
export function pageAt(k: Kernel, mm: Mm, vpn: Vpn): number {
  const h = k.param.hpagePmdNr.get();
  const pmd = k.mm.pmd.once(mm, Math.floor(vpn / h));
  const entry = pmdTable(pmd) ? k.ptTable.pte.once(entryTarget(pmd), vpn % h) : pmd;
  if (entry === ENTRY_NONE || entryZeroPage(entry) || (pmdTable(pmd) && pteSwap(entry))) return NONE;
  return entryTarget(entry) + ((entry & LEAF) !== 0 ? vpn % h : 0);
}

// ---- collapses -------------------------------------------------------------------------------------------------

/** The first thread's beginning: content 1 + its number in each of the pages start..end - 1. */
export function* prepare(k: K, start: Vpn, end: Vpn): Routine {
  for (let vpn: Vpn = start; vpn < end; vpn++) yield* store(k, vpn, 1 + (vpn % 2));
  yield* openGate(k);
}

/** The same for khugepaged: then huge pages are on, and the process is on its list. */
export function* prepareForKhugepaged(k: K, start: Vpn, end: Vpn): Routine {
  for (let vpn: Vpn = start; vpn < end; vpn++) yield* store(k, vpn, 1 + (vpn % 2));
  yield* sysfsStore(k, KNOB_ENABLED, ENABLED_ALWAYS);
  yield* sysMadvise(k, 0, k.param.vpnMax.get(), MADV_HUGEPAGE);
  yield* openGate(k);
}

/** The thread khugepaged, from the moment at which there is something to collapse. */
export function* khugepagedThread(k: K): Routine {
  yield* passGate(k);
  yield* khugepaged(k);
}

/** MADV_COLLAPSE of two small pages. */
export function* collapser(k: K): Routine {
  yield* prepare(k, 0, 2);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* load(k, 0);
}

// ---- the process meanwhile -------------------------------------------------------------------------------------

/** Stores to one page and reads the other. */
export function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 3);
  yield* load(k, 0);
}

// ---- reservations ----------------------------------------------------------------------------------------------

/** What `shrinks` notes. */
export const FREED: Met = 0;
/** Memory pressure: one call of the shrinker. */
export function* shrinks(k: Noting): Routine {
  yield* passGate(k);
  const freed: Frames = yield* reservationsShrink(k);
  if (freed > 0) note(k, FREED);
}
/** One scan of khugepaged. */
export function* scans(k: K): Routine {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}
