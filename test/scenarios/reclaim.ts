/** Reclaim of a lazyfree huge page, beside others who take it off the LRU. */
import { holds, type Routine } from "thpcheck";
import { MADV_FREE } from "../../impl/madvise.ts";
import { load, store, sysMadvise } from "../../impl/entry/syscalls.ts";
import { shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { RECLAIM_UNLOCKS, note, noted, type K, type Met } from "../../kernel/world.ts";

const RECLAIMED: Met = 2;

function* frees(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* openGate(k);
}
function* freesAgain(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* openGate(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* load(k, 0);
}
function* reclaims(k: K): Routine {
  yield* passGate(k);
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  if (freed) note(k, RECLAIMED);
}
function* reclaimsToo(k: K): Routine {
  yield* passGate(k);
  yield* shrinkLazyfreeFolio(k, 0);
}

const reclaimed = { "the page is reclaimed": noted(RECLAIMED) };

export default [
  thpScenario({
    name: "reclaim-twice", why: "two tasks short of memory find the same lazyfree page: one of them isolates it", tier: "quick",
    threads: { frees }, others: { reclaims, reclaimsToo }, sometimes: reclaimed, expect: holds({ states: 263 }),
  }),
  thpScenario({
    sanitize: RECLAIM_UNLOCKS,
    name: "reclaim-freed-again", why: "MADV_FREE of what reclaim has isolated, or is about to", tier: "quick",
    threads: { freesAgain }, others: { reclaims }, sometimes: reclaimed, expect: holds({ states: 604 }),
  }),
];
