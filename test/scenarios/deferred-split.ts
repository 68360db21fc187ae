/** The shrinker of the deferred split queue against those who own what is on it. */
import { holds } from "thpcheck";
import { allFree, migrating, thpScenario } from "../../kernel/thp.ts";
import {
  SPLIT_NONE, child, device, locker, otherShrinker, ownerDiscards, ownerExits, ownerForks, ownerOfZeroes, ownerStores, ownerUnmaps,
  ownerWaits, readerOfZeroes, scanned, shrinker, sibling, siblingExits, tearsLate, underused, zeroed,
} from "./setup/torn.ts";
import { TWO_PROCESSES } from "../../kernel/world.ts";

export default [
  thpScenario({
    name: "deferred-split-dontneed",
    why:
      "the rest of the folio goes while the shrinker holds it: whoever drops the last reference takes it off the queue, " +
      "with its flags and gauges (C6)",
    tier: "full",
    threads: { ownerDiscards, sibling },
    others: { shrinker },
    sometimes: { ...scanned, "the shrinker works": (k) => migrating(k, 0) },
    expect: holds({ states: 662_650 }),
  }),
  thpScenario({
    name: "deferred-split-munmap",
    why: "the folio is freed while the shrinker looks for one with references, or tries for its lock",
    tier: "quick",
    threads: { ownerUnmaps, sibling },
    others: { shrinker },
    sometimes: scanned,
    finally: { "everything is free": allFree },
    expect: holds({ states: 46_775 }),
  }),
  thpScenario({
    name: "deferred-split-exit",
    why: "the process ends, thread by thread, under the shrinker: its last reference may be the folio's last",
    tier: "quick",
    threads: { ownerExits, siblingExits },
    others: { shrinker },
    sometimes: { ...scanned, "the shrinker keeps a page of nobody": (k) => k.mm.mmCount.get(0) === 0 && k.page.refcount.get(0) > 0 },
    finally: { "everything is free": allFree },
    expect: holds({ states: 24_299 }),
  }),
  thpScenario({
    name: "deferred-split-fork",
    why: "a torn folio is shared while the shrinker walks its mappings, and torn further in the child",
    tier: "quick",
    options: TWO_PROCESSES,
    threads: { ownerForks },
    others: { child, shrinker },
    sometimes: { ...scanned, "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1) },
    expect: holds({ states: 156_398 }),
  }),
  thpScenario({
    name: "deferred-split-two-shrinkers",
    why: "two CPUs reclaim at once: what one has taken off the queue the other may put back, and the zap queue again",
    tier: "quick",
    threads: { ownerDiscards },
    others: { shrinker, otherShrinker },
    sometimes: scanned,
    expect: holds({ states: 11_015 }),
  }),
  thpScenario({
    name: "deferred-split-pin",
    why: "a torn folio that is pinned when the shrinker comes goes back to the queue: nobody else would queue it again (P12)",
    tier: "quick",
    threads: { ownerStores, device },
    others: { shrinker },
    sometimes: { ...scanned, "back on the queue": (k) => k.seen.events.has(SPLIT_NONE) && k.deferredSplit.length.get() === 1 },
    expect: holds({ states: 24_638 }),
  }),
  thpScenario({
    name: "deferred-split-underused",
    why:
      "a huge page of zeroes is given back page by page while stores arrive: a page that was empty when it was looked at " +
      "may not lose a store (S5)",
    tier: "quick",
    options: underused,
    threads: { ownerOfZeroes, readerOfZeroes },
    others: { shrinker },
    sometimes: { ...scanned, ...zeroed },
    expect: holds({ states: 61_712 }),
  }),
  thpScenario({
    name: "deferred-split-underused-pin",
    why: "a device writes to the page that looks empty",
    tier: "quick",
    options: underused,
    threads: { ownerOfZeroes, device },
    others: { shrinker },
    sometimes: { ...scanned, ...zeroed },
    expect: holds({ states: 19_139 }),
  }),
  thpScenario({
    name: "deferred-split-lock",
    why: "underused, locked by somebody, and partially unmapped meanwhile: exactly one of the three has to queue it again",
    tier: "quick",
    options: underused,
    threads: { ownerWaits, tearsLate },
    others: { shrinker, locker },
    sometimes: {
      ...scanned,
      "back on the queue": (k) => k.seen.events.has(SPLIT_NONE) && k.deferredSplit.length.get() === 1 && k.page.partiallyMapped.get(0),
    },
    expect: holds({ states: 57_818 }),
  }),
];
