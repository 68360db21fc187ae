/** Those who look without locks: at frames by number, at page tables under RCU or with interrupts off. */
import { holds, type Routine } from "thpcheck";
import { FOLL_WRITE, dumpPageTables, gupFast, pfnScanner } from "../../impl/gup.ts";
import { MADV_COLLAPSE, MADV_DONTNEED } from "../../impl/madvise.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { ENABLED_NEVER } from "../../impl/config/knobs.ts";
import { pageFolio } from "../../impl/page-flags.ts";
import { folioPut } from "../../impl/swap.ts";
import { load, store, sysMadvise, sysMunmap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { sibling, SPLIT_DONE, SPLIT_FAILED, splitPage, splitter } from "../../kernel/actors.ts";
import { allFree, thpScenario } from "../../kernel/thp.ts";
import { isHuge, noted, type K } from "../../kernel/world.ts";

function* fill(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
}
function* splits(k: K): Routine {
  yield* fill(k);
  yield* splitPage(k, 0);
  yield* load(k, 1);
}
function* discards(k: K): Routine {
  yield* fill(k);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
  yield* store(k, 0, 3);
}
function* unmaps(k: K): Routine {
  yield* fill(k);
  yield* sysMunmap(k, 0, 2);
}
/** Two areas' worth of tables go one after the other. */
function* unmapsTwo(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 2);
  yield* openGate(k);
  yield* sysMunmap(k, 0, 4);
}
function* collapsesAndDiscards(k: K): Routine {
  yield* fill(k);
  yield* sysMadvise(k, 0, 2, MADV_COLLAPSE);
  yield* sysMadvise(k, 0, 2, MADV_DONTNEED);
}
function* scanner(k: K): Routine {
  yield* passGate(k);
  yield* pfnScanner(k, 0);
  yield* pfnScanner(k, 1);
}
function* otherScanner(k: K): Routine {
  yield* passGate(k);
  yield* pfnScanner(k, 1);
  yield* pfnScanner(k, 0);
}
/** Takes a reference without locks, and holds it for a moment. */
function* glances(k: K): Routine {
  yield* passGate(k);
  const page: Pfn = yield* gupFast(k, 0, 1, FOLL_WRITE);
  if (page >= 0) yield* folioPut(k, pageFolio(k, page));
}
function* walker(k: K): Routine {
  yield* passGate(k);
  yield* dumpPageTables(k, 0);
}

const small = { enabled: ENABLED_NEVER };
const done = { "the folio is split": noted(SPLIT_DONE), "a reference from nowhere keeps it from being split": noted(SPLIT_FAILED) };
const waiting = { "a table waits for a walker": (k: K) => k.rcu.waiting.get() > 0 };

export default [
  thpScenario({
    name: "scanner-split",
    why:
      "get_page_unless_zero() of compaction finds the head, a tail, a frozen folio or a page of its own, at every step of " +
      "the split (C5)",
    tier: "quick",
    threads: { splits, sibling },
    others: { scanner, otherScanner },
    sometimes: done,
    expect: holds({ states: 41_709 }),
  }),
  thpScenario({
    name: "scanner-free",
    why: "a scanner's reference is the last: it frees what munmap has unmapped, and finds the frames again when they are somebody else's",
    tier: "quick",
    threads: { discards, sibling },
    others: { scanner, otherScanner },
    sometimes: { "a scanner is left with the folio": (k) => k.mm.anonPages.get(0) === 0 && k.page.refcount.get(0) > 0 && k.gate.open.get() && k.node.anonMapped.get() === 0 },
    expect: holds({ states: 108_904 }),
  }),
  thpScenario({
    name: "walker-munmap",
    why: "page tables are freed by RCU: a dump and a GUP-fast are in them, the one under RCU, the other with interrupts off",
    tier: "quick",
    options: small,
    threads: { unmaps, glances, sibling },
    others: { walker },
    sometimes: waiting,
    finally: { "everything is free": allFree },
    expect: holds({ states: 26_603 }),
  }),
  thpScenario({
    name: "walker-munmap-huge",
    why: "huge pages go with their deposited tables, unless a split of the PMD has made those visible to the walkers",
    tier: "quick",
    options: { hugeRanges: 2, pageTables: 4 },
    threads: { unmapsTwo, glances },
    others: { walker, splitter },
    sometimes: { ...waiting, "split": noted(SPLIT_DONE) },
    finally: { "everything is free": allFree },
    expect: holds({ states: 75_298 }),
  }),
  thpScenario({
    name: "walker-collapse",
    why:
      "a collapse takes the table away, waits for those with interrupts off, and deposits it; the huge page is unmapped, " +
      "and the table freed: the one under RCU may still be in it",
    tier: "quick",
    options: small,
    threads: { collapsesAndDiscards, glances, sibling },
    others: { walker },
    sometimes: { ...waiting, "collapsed under a walker": (k) => isHuge(k, 0, 0) && k.cpu.rcu.get(3) },
    expect: holds({ states: 116_623 }),
  }),
];
