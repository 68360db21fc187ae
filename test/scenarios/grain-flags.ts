/**
 * The flags of a page as one word (grain `flags`): folios that others find by their frame and lock, and sleep for, while the
 * flags are written without atomic operations where the page is new, frozen, or about to be freed.
 */
import { NONE, at, holds, type Expectation, type Routine } from "thpcheck";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import type { Grain } from "../../impl/config/grain.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { load, store, sysExit, sysFork, sysMadvise } from "../../impl/entry/syscalls.ts";
import { FOLL_PIN, FOLL_WRITE, gupFast, gupFastFallback, unpinFolio } from "../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DONTNEED } from "../../impl/madvise.ts";
import { pageFolio, pageFolioLockless } from "../../impl/page-flags.ts";
import { folioTryGet } from "../../impl/page-ref.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { folioLock, folioPut, folioPutFound, folioUnlock } from "../../impl/swap.ts";
import { SPLIT_DONE, splitter } from "../../kernel/actors.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { isHuge, noted, TWO_PROCESSES, type K } from "../../kernel/world.ts";

/**
 * Locks the folio of a frame, as compaction and page_idle find one: only what is on the LRU, since a page that is new, or
 * about to be freed, has its flags written without atomic operations.
 */
function* locksFrame(k: K, page: Pfn): Routine {
  yield at("page_folio");
  const folio: Pfn = pageFolioLockless(k, page);
  yield at("folio_test_lru");
  if (!k.page.lru.once(folio)) return;
  yield at("folio_try_get");
  if (!folioTryGet(k, folio)) return;
  yield at("folio_test_lru again");
  let there: boolean = k.page.lru.once(folio);
  if (there) {
    yield at("page_folio again");
    there = pageFolioLockless(k, page) === folio;
  }
  if (there) {
    yield* folioLock(k, folio);
    yield at("folio_unlock");
    folioUnlock(k, folio);
  }
  yield* folioPutFound(k, folio);
}
function* locker(k: K): Routine {
  yield* passGate(k);
  yield* locksFrame(k, 0);
}
function* tailLocker(k: K): Routine {
  yield* passGate(k);
  yield* locksFrame(k, 1);
}

function* fills(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
}
function* reads(k: K): Routine {
  yield* fills(k);
  yield* load(k, 1);
}
function* discards(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 0, 3);
}
function* collapses(k: K): Routine {
  yield* fills(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
}
/** Takes a reference without locks, which makes the folio referenced, and drops it. */
function* glances(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 0, FOLL_WRITE);
  if (page !== NONE) yield* folioPut(k, pageFolio(k, page));
}
function* forks(k: K): Routine {
  yield* store(k, 0, 1);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* sysExit(k);
}
function* childWrites(k: K): Routine {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 2);
}
/** The page is pinned as its process forks: the child gets a copy at once, and copies the other page when it writes to it. */
function* pinsAndForks(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  const page: Pfn = yield* gupFastFallback(k, 0, 0, FOLL_PIN | FOLL_WRITE);
  yield* openGate(k);
  yield* sysFork(k, 1);
  if (page !== NONE) yield* unpinFolio(k, page);
}
function* childWritesBoth(k: K): Routine {
  yield* scheduleIn(k);
  yield* store(k, 0, 3);
  yield* store(k, 1, 3);
}

/** Somebody sleeps for a folio lock. */
function sleeps(k: K): boolean {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) if (k.param.grainFlags.get() !== 0 && k.folioWait.folio.get(cpu) !== NONE) return true;
  return false;
}
const slept = { "somebody sleeps for a folio lock": sleeps };

/** With the grain that is asked for: a test does without, to show what is not seen then. */
export const flagsLock = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "two threads want the lock of a folio that a third makes referenced: no store of all flags takes away what another has set",
  tier: "quick", options: { grain },
  threads: { reads, glances },
  others: { locker, tailLocker },
  ...(grain === "coarse" ? {} : { sometimes: slept }),
  expect,
});

export default [
  flagsLock("grain-flags-lock", ["flags"], holds()),
  thpScenario({
    name: "grain-flags-split",
    why: "the parts take over the flags of a frozen folio; as soon as a part has a reference it can be locked, and slept for",
    tier: "quick", options: { grain: ["flags"] },
    threads: { reads },
    others: { splitter, tailLocker },
    sometimes: { ...slept, "the folio is split": noted(SPLIT_DONE) },
    expect: holds({ states: 9548 }),
  }),
  thpScenario({
    name: "grain-flags-discard",
    why: "a folio is freed, and its frames come back as another one, while somebody looks for it on the LRU",
    tier: "quick", options: { grain: ["flags"] },
    threads: { discards },
    others: { locker, tailLocker },
    sometimes: slept,
    expect: holds({ states: 6220 }),
  }),
  thpScenario({
    name: "grain-flags-collapse",
    why: "pages are collapsed that others lock",
    tier: "quick", options: { grain: ["flags"], enabled: ENABLED_NEVER },
    threads: { collapses },
    others: { locker },
    sometimes: { "a huge page": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 1409 }),
  }),
  thpScenario({
    name: "grain-flags-wp",
    why: "a child is left alone with a huge page, and waits for its lock before it takes it as its own",
    tier: "quick", options: { ...TWO_PROCESSES, grain: ["flags"] },
    threads: { forks },
    others: { childWrites, locker },
    sometimes: { ...slept, "the child has the huge page as its own": (k) => isHuge(k, 1, 0) && k.page.anonExclusive.get(0) },
    expect: holds({ states: 19_082 }),
  }),
  thpScenario({
    name: "grain-flags-pinned",
    why: "new pages that fork and the child's writes make, and a locker who finds them as soon as they are on the LRU",
    tier: "quick", options: { ...TWO_PROCESSES, grain: ["flags"], enabled: ENABLED_NEVER },
    threads: { pinsAndForks },
    others: { childWritesBoth, locker },
    sometimes: { "the child has pages of its own": (k) => k.mm.anonPages.get(1) === 2 && k.page.refcount.get(3) > 0 },
    expect: holds({ states: 1739 }),
  }),
];
