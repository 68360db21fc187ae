/**
 * The deferred split queue with its list words (grain `lists`): scans that take several folios at once, onto a list or
 * into an array, and take them off that list without the lock. What Linux does in two places breaks a promise; each is
 * here as it is, and mended.
 */
import { holds, violated } from "thpcheck";
import { SPLIT_SCAN_BATCH, SPLIT_SCAN_PRIVATE_LIST } from "../../spec/enumerations.ts";
import type { Bounds, K } from "../../kernel/world.ts";
import { allFree, thpScenario } from "../../kernel/thp.ts";
import {
  locker, otherShrinker, ownerDiscards, ownerUnmaps, ownerWaits, scanned, shrinker, sibling, tearsLate, underused,
} from "./setup/torn.ts";

const LISTS: Partial<Bounds> = { grain: ["lists"] };
const WITH_PRIVATE_LIST: Partial<Bounds> = { ...LISTS, splitQueueScan: SPLIT_SCAN_PRIVATE_LIST };
const WITH_BATCH: Partial<Bounds> = { ...LISTS, splitQueueScan: SPLIT_SCAN_BATCH };

/** The list that the scan on this CPU has on its stack is not empty. */
function scanHolds(k: K, cpu: number): boolean {
  return k.splitList.next.get(k.page.count / 2 + 1 + cpu) >= 0;
}

/** A scan judges the whole folio as half of it is unmapped; its lock is taken by somebody else. */
const TORN_IN_A_SCAN = {
  threads: { ownerWaits, tearsLate },
  others: { shrinker, locker },
} as const;

export default [
  thpScenario({
    name: "grain-lists-tear",
    why: "half of a folio is unmapped while a scan has it on a list of its own: it is queued again by one of the two, or split",
    tier: "quick",
    options: { ...underused, ...LISTS },
    ...TORN_IN_A_SCAN,
    sometimes: { ...scanned, "it is torn while it is on the scan's list": (k) => scanHolds(k, 2) && k.page.partiallyMapped.get(0) },
    expect: holds({ states: 60_492 }),
  }),
  thpScenario({
    name: "grain-lists-tear-init",
    why:
      "as Linux has it: a folio that leaves the scan's list looks unlisted after the first of its two words is reset, is put on " +
      "the queue, and then has its other word reset",
    tier: "quick",
    options: { ...underused, ...LISTS, splitQueueResetsNextFirst: true },
    ...TORN_IN_A_SCAN,
    expect: violated("D4 the split queue's lists are whole", { length: 60 }),
  }),
  thpScenario({
    name: "grain-lists-tear-private",
    why:
      "up to Linux 6.18: a folio is torn between the moment at which the scan finds it whole and that at which it goes off the " +
      "scan's list; as it is on a list nobody queues it",
    tier: "quick",
    options: { ...underused, ...WITH_PRIVATE_LIST },
    ...TORN_IN_A_SCAN,
    expect: violated("P21 a folio that is mapped in part is on the split queue, unless somebody holds a reference to it", { length: 72 }),
  }),
  thpScenario({
    name: "grain-lists-tear-batch",
    why: "from Linux 6.19 to 7.1: what a scan has taken is on no list, so whoever tears it queues it",
    tier: "full",
    options: { ...underused, ...WITH_BATCH },
    ...TORN_IN_A_SCAN,
    sometimes: scanned,
    expect: holds({ states: 53_787 }),
  }),
  thpScenario({
    name: "grain-lists-two-shrinkers",
    why: "two scans with a list each, and the owner who takes the last reference: each word has one writer at a time",
    tier: "quick",
    options: LISTS,
    threads: { ownerDiscards },
    others: { shrinker, otherShrinker },
    sometimes: { ...scanned, "a scan has the folio": (k) => scanHolds(k, 1) || scanHolds(k, 2) },
    expect: holds({ states: 11_445 }),
  }),
  thpScenario({
    name: "grain-lists-munmap",
    why: "the folio is freed under a scan: whoever has the last reference takes it off the queue",
    tier: "full",
    options: LISTS,
    threads: { ownerUnmaps, sibling },
    others: { shrinker },
    sometimes: { ...scanned, "the scan has it on its list": (k) => scanHolds(k, 2) },
    finally: { "everything is free": allFree },
    expect: holds({ states: 49_255 }),
  }),
  thpScenario({
    name: "grain-lists-free-private",
    why: "up to Linux 6.18: the first folio of the queue is freed before the scan has the lock, or goes onto the scan's list",
    tier: "quick",
    options: WITH_PRIVATE_LIST,
    threads: { ownerUnmaps },
    others: { shrinker },
    sometimes: { "the scan has it on its list": (k) => scanHolds(k, 1) },
    finally: { "everything is free": allFree },
    expect: holds({ states: 1014 }),
  }),
  thpScenario({
    name: "grain-lists-munmap-private",
    why: "up to Linux 6.18: the same, also where it is on the list of a scan that has seen to it",
    tier: "full",
    options: WITH_PRIVATE_LIST,
    threads: { ownerUnmaps, sibling },
    others: { shrinker },
    sometimes: { ...scanned, "the scan has it on its list": (k) => scanHolds(k, 2) },
    finally: { "everything is free": allFree },
    expect: holds({ states: 54_613 }),
  }),
];
