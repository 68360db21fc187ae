/**
 * The LRU's lists with their words (grain `lru`): a folio is on the list that its flags name, whoever changes one of these
 * flags, and reclaim takes many from the tail of one list onto a list of its own.
 */
import { holds, type Expectation, type Routine } from "thpcheck";
import type { Grain } from "../../impl/config/grain.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise, sysMunmap } from "../../impl/entry/syscalls.ts";
import { MADV_COLD, MADV_FREE, MADV_POPULATE_READ } from "../../impl/madvise.ts";
import { shrinkInactiveFile, shrinkLazyfreeFolio } from "../../impl/vmscan.ts";
import { SPLIT_DONE, splitter } from "../../kernel/actors.ts";
import { thpScenario } from "../../kernel/thp.ts";
import type { Folios } from "../../impl/structs/types.ts";
import { ISOLATED_UNSANITIZED, note, noted, type K, type Met } from "../../kernel/world.ts";

const RECLAIMED: Met = 2;

function* fills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
}
function* frees(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* load(k, 0);
}
function* freesAndUnmaps(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 0, 2, MADV_FREE);
  yield* sysMunmap(k, 0, 1);
}
/** The first call makes the page referenced, the second active. */
function* usesTwice(k: K): Routine {
  yield* passGate(k);
  yield* sysMadvise(k, 0, 1, MADV_POPULATE_READ);
  yield* sysMadvise(k, 0, 1, MADV_POPULATE_READ);
}
/** The page has been active, and is not any more. */
function* usesAndCools(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 0, 1, MADV_POPULATE_READ);
  yield* sysMadvise(k, 0, 1, MADV_POPULATE_READ);
  yield* sysMadvise(k, 0, 2, MADV_COLD);
}
function* storesAgain(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 3);
}
function* kswapd(k: K): Routine {
  yield* passGate(k);
  const freed: Folios = yield* shrinkInactiveFile(k, 2);
  if (freed > 0) note(k, RECLAIMED);
}
/** Without lists there is no tail. */
function* reclaimsFirst(k: K): Routine {
  yield* passGate(k);
  const freed: boolean = yield* shrinkLazyfreeFolio(k, 0);
  if (freed) note(k, RECLAIMED);
}
const SMALL = { enabled: ENABLED_NEVER, grain: ["lru"] } as const;
const isActive = { "a page on the LRU is active": (k: K) => k.page.active.get(0) && k.page.lru.get(0) };
const reclaimed = { "a page is reclaimed": noted(RECLAIMED) };

/** With the grain that is asked for: a test does without, to show what is not seen then. */
export const lruActivate = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "a page is used until it is active, while MADV_FREE moves it to another list and reclaim takes what is at the tail",
  tier: "quick", options: { ...SMALL, grain },
  threads: { frees, usesTwice },
  others: { reclaims: grain === "coarse" ? reclaimsFirst : kswapd },
  sometimes: { ...isActive, ...reclaimed },
  sanitize: ISOLATED_UNSANITIZED,
  expect,
});

export default [
  lruActivate("grain-lru-activate", ["lru"], holds()),
  thpScenario({
    name: "grain-lru-cool",
    why: "MADV_COLD takes a page back to the inactive list",
    tier: "quick", options: SMALL,
    threads: { usesAndCools, storesAgain },
    sometimes: {
      ...isActive,
      "it is not active any more": (k) => !k.page.active.get(0) && k.page.lru.get(0) && k.page.refcount.get(1) > 0,
    },
    expect: holds({ states: 216 }),
  }),
  thpScenario({
    name: "grain-lru-munmap",
    why: "reclaim meets pages at the tail that munmap is about to free: it isolates them, or leaves them where they are",
    tier: "quick", options: SMALL,
    threads: { freesAndUnmaps },
    others: { kswapd },
    sometimes: reclaimed,
    sanitize: ISOLATED_UNSANITIZED,
    expect: holds({ states: 2173 }),
  }),
  thpScenario({
    name: "grain-lru-split",
    why: "the parts of a lazyfree folio join its list while reclaim wants it",
    tier: "quick", options: { grain: ["lru"] },
    threads: { frees },
    others: { splitter, kswapd },
    sometimes: { ...reclaimed, "it is split": noted(SPLIT_DONE) },
    sanitize: ISOLATED_UNSANITIZED,
    expect: holds({ states: 24_406 }),
  }),
];
