/** Lists by their words: who is whose neighbour while one of them is taken off. */
import { at, holds, type Routine } from "thpcheck";
import { deferredSplitScan } from "../../../impl/huge-memory/deferred-split-shrinker.ts";
import { MADV_DONTNEED } from "../../../impl/madvise.ts";
import { folioGet } from "../../../impl/page-ref.ts";
import { folioLock, folioPut, folioUnlock } from "../../../impl/swap.ts";
import { openGate, passGate } from "../../../impl/entry/boot.ts";
import { sysMadvise } from "../../../impl/entry/syscalls.ts";
import { SPLIT_SCAN_PRIVATE_LIST } from "../../../spec/enumerations.ts";
import type { Pfn } from "../../../impl/structs/types.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import type { K } from "../../../kernel/world.ts";
import { bootAnonVma, bootHugePage } from "./setup/memory.ts";

/** The folio of range 1 and that of range 0: queued in this order, so a scan sees to the second one first. */
const USED: Pfn = 0;
const TORN: Pfn = 2;

/** Two huge pages that are in use, and on the split queue as all are. */
function twoHugePages(k: K): void {
  bootAnonVma(k, 0);
  bootHugePage(k, 0, 2, 1);
  bootHugePage(k, 0, 0, 1);
}

/**
 * Has the folio locked, half of it unmapped, while a scan comes, which leaves it. Then unmaps the rest, and drops it.
 */
function* unmaps(k: K): Routine {
  yield at("folio_get");
  folioGet(k, TORN);
  yield* folioLock(k, TORN);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* openGate(k);
  yield* sysMadvise(k, 1, 1, MADV_DONTNEED);
  folioUnlock(k, TORN);
  yield* folioPut(k, TORN);
}
function* shrinks(k: K): Routine {
  yield* passGate(k);
  yield* deferredSplitScan(k);
}

/** The folio is the first on the queue, whose head lies behind the nodes of four blocks. */
function queued(k: K, folio: number): boolean {
  return k.splitList.next.get(4) === folio / 2;
}

export default [
  thpScenario({
    name: "lists-scan-and-free",
    why:
      "a scan takes a folio off its list without the lock while the folio before it, which the scan has seen to and left, is " +
      "freed: the one must not be a neighbour of the other",
    tier: "full",
    // A folio of which any page is zero-filled would be underused; these are not.
    options: { hugeRanges: 2, shrinkUnderused: true, maxPtesNone: 0, grain: ["lists"], splitQueueScan: SPLIT_SCAN_PRIVATE_LIST },
    memory: twoHugePages,
    threads: { unmaps },
    others: { shrinks },
    sometimes: {
      "the scan leaves the torn folio, and takes the other one off": (k) => k.page.partiallyMapped.get(TORN) && !k.page.deferred.get(USED),
      "the torn folio is freed while it is on the list of the scan": (k) => k.splitList.scanning.get(6) !== 0 && k.page.buddy.get(TORN),
      "what is left goes back to the queue": (k) => k.splitList.scanning.get(6) === 0 && !k.page.deferred.get(USED) && queued(k, TORN),
    },
    expect: holds({ states: 411 }),
  }),
];
