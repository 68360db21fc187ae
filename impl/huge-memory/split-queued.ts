/**
 * What the split queue's shrinker does with one folio that it has taken: mm/huge_memory.c deferred_split_scan(), the body
 * of its loop.
 *
 * Not covered: mlocked folios (skipped by the kernel), hwpoison.
 */
import { at, type Int, type Routine } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import { folioNrPages } from "../page-flags.ts";
import type { Errno, Pfn, PteIndex } from "../structs/types.ts";
import { folioTrylock, folioUnlock } from "../swap.ts";
import { splitFolio } from "./split-folio.ts";

/** It is split. */
export const VERDICT_SPLIT = 0;
/** It is neither partially mapped nor underused. */
export const VERDICT_USED = 1;
/** Somebody has its lock. */
export const VERDICT_LOCKED = 2;
/** It cannot be split now. */
export const VERDICT_FAILED = 3;
export type Verdict = Int<0, 3>;

/**
 * Splits the folio if it is partially mapped or underused.
 * @kernel mm/huge_memory.c deferred_split_scan()
 * @holds a reference
 */
export function* splitQueued(k: Kernel, folio: Pfn): Routine<Verdict> {
  yield at("folio_test_partially_mapped");
  let underused: boolean = false;
  if (!k.page.partiallyMapped.once(folio)) {
    yield at("thp_underused");
    underused = yield* thpUnderused(k, folio);
    if (!underused) return VERDICT_USED;
  }
  yield at("folio_trylock");
  if (!folioTrylock(k, folio)) return VERDICT_LOCKED;
  const error: Errno = yield* splitFolio(k, folio);
  yield at("folio_unlock");
  folioUnlock(k, folio);
  if (error === 0 && underused) k.vmstat.thpUnderusedSplitPage.add(1);
  return error === 0 ? VERDICT_SPLIT : VERDICT_FAILED;
}

/**
 * Whether more pages of the folio hold nothing but zeroes than khugepaged would fill when it collapses them. The pages
 * are read one after the other while their users may write to them: the answer is a guess, which the split does not rely on.
 * @kernel mm/huge_memory.c thp_underused()
 * @holds a reference
 */
function* thpUnderused(k: Kernel, folio: Pfn): Routine<boolean> {
  if (k.knob.maxPtesNone.once() === k.param.hpagePmdNr.get() - 1) return false;
  const nr: PteIndex = folioNrPages(k, folio);
  let zeroFilled: PteIndex = 0;
  for (let i: PteIndex = 0; i < nr; i++) {
    yield at("thp_underused: memchr_inv");
    if (k.page.content.once(folio + i) !== 0) continue;
    zeroFilled++;
    if (zeroFilled > k.knob.maxPtesNone.once()) return true;
  }
  return false;
}
