/**
 * Migration entries in their own encoding (grain `migration`): a split makes them, and fork, mprotect(), MADV_DONTNEED and faults
 * meet them, look their folio up, and change what they say.
 */
import { holds, type Expectation } from "thpcheck";
import type { Grain } from "../../impl/config/grain.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { load, store, sysFork, sysMadvise, sysMprotect } from "../../impl/entry/syscalls.ts";
import { MADV_DONTNEED } from "../../impl/madvise.ts";
import { VM_READ } from "../../impl/structs/vma.ts";
import { SPLIT_DONE, SPLIT_FAILED, splitter } from "../../kernel/actors.ts";
import { migrating, thpScenario } from "../../kernel/thp.ts";
import { noted, TWO_PROCESSES, type K } from "../../kernel/world.ts";

function* fills(k: K) {
  yield* store(k, 0, 1);
  yield* store(k, 1, 2);
  yield* openGate(k);
}
function* forks(k: K) {
  yield* fills(k);
  yield* sysFork(k, 1);
  yield* load(k, 1);
}
function* child(k: K) {
  yield* scheduleIn(k);
  yield* store(k, 1, 3);
}
function* protects(k: K) {
  yield* fills(k);
  yield* sysMprotect(k, 0, 2, VM_READ);
  yield* load(k, 0);
}
function* discards(k: K) {
  yield* fills(k);
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
  yield* load(k, 0);
}
function* sibling(k: K) {
  yield* passGate(k);
  yield* store(k, 1, 3);
}

const done = { "the folio is split": noted(SPLIT_DONE), "the split fails": noted(SPLIT_FAILED) };

/** With the grain that is asked for: a test does without, to show what is not seen then. */
export const migrationFork = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "fork copies migration entries: in its own encoding each says that it is readable, and neither side gets a writable one back",
  tier: "quick", options: { ...TWO_PROCESSES, grain },
  threads: { forks },
  others: { child, splitter },
  sometimes: { ...done, "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1) },
  expect,
});

export default [
  migrationFork("grain-migration-fork", ["migration"], holds()),
  thpScenario({
    name: "grain-migration-mprotect",
    why: "mprotect() takes the right to write from migration entries, which stay exclusive",
    tier: "quick", options: { grain: ["migration"] },
    threads: { protects },
    others: { splitter },
    sometimes: { "the folio is split": noted(SPLIT_DONE), "migration entries stand": (k) => migrating(k, 0) },
    expect: holds({ states: 1173 }),
  }),
  thpScenario({
    name: "grain-migration-discard",
    why: "MADV_DONTNEED and a fault look up the folio behind a migration entry, which is split at that moment: it is locked throughout",
    tier: "quick", options: { grain: ["migration"] },
    threads: { discards, sibling },
    others: { splitter },
    sometimes: { ...done, "migration entries stand": (k) => migrating(k, 0) },
    expect: holds({ states: 32_736 }),
  }),
];
