/**
 * Splits of a folio into folios that are large still: where a huge page has 4 pages into two of two, where it has 8 toward one of
 * its pages. What becomes of the parts is held to everything that a folio is held to which a fault has made.
 */
import { holds } from "thpcheck";
import type { KernelOptions } from "../../impl/config/options.ts";
import { pagesMappedByPtes } from "../../impl/refcount/scheme.ts";
import { SPLIT_DONE, SPLIT_FAILED, shrinker } from "../../kernel/actors.ts";
import { anyPinned, migrating, thpScenario } from "../../kernel/thp.ts";
import { ISOLATED_UNSANITIZED, isHuge, noted, TWO_PROCESSES, type K } from "../../kernel/world.ts";
import * as t from "./setup/split-to.ts";

/** Huge pages of four pages, made by faults, and room for folios of two, which only splits make. */
const OF_FOUR: Partial<KernelOptions> = { pagesPerHugePage: 4, frames: 8, thpAnon: "8K:never;16K:always" };
/** The same of eight pages. */
const OF_EIGHT: Partial<KernelOptions> = { pagesPerHugePage: 8, frames: 16, thpAnon: "8K-16K:never;32K:always" };

/**
 * A walk goes from one page of a folio to the next in the step in which it leaves the first. Who may come between there may come
 * a step earlier, before what is stored for the first page, and finds the same: it waits for the table's lock, or is the CPU, which
 * marks entries that the walk reads again before it changes them.
 */
const WALKS_ON = "a walk reads the area's flags, and the next entry, in the step in which it leaves an entry of the same folio";

/** Anonymous folios of the size that is the n-th above a page. */
const folios = (k: K, size: number): number => k.thpSize.nrAnon.get(size);
/** Of two pages, all of them mapped. */
const wholeTwos = (k: K): number => [0, 2].filter((f) => k.page.order.get(f) === 1 && pagesMappedByPtes(k, f) === 2).length;
const split = { "it is split": noted(SPLIT_DONE) };
const splitOrNot = { ...split, "it is not": noted(SPLIT_FAILED) };
const twos = { "there are two folios of two pages": (k: K) => folios(k, 0) === 2 };
const entries = { "entries stand": (k: K) => migrating(k, 0) };
const queued = { "one is on the split queue": (k: K) => k.deferredSplit.length.get() > 0 };

export default [
  thpScenario({
    name: "mthp-split-to-store",
    why: "a huge page becomes two folios of two pages while it is written to and read: no store is lost, nor another page's",
    tier: "quick",
    options: OF_FOUR,
    threads: { stores: t.stores },
    others: { toTwos: t.toTwos },
    sometimes: { ...split, ...twos, ...entries, "it is huge": (k) => isHuge(k, 0, 0) },
    finally: { "both folios are whole, or it is one still": (k) => isHuge(k, 0, 0) || wholeTwos(k) === 2 || k.page.order.get(0) === 2 },
    expect: holds({ states: 1822 }),
  }),
  thpScenario({
    name: "mthp-split-to-gup",
    why: "GUP-fast pins a page of the second part while it becomes one: it has that part, or the split fails (S6, X3)",
    tier: "full",
    options: OF_FOUR,
    threads: { stores: t.stores, device: t.device },
    others: { toTwos: t.toTwos },
    sometimes: { ...splitOrNot, ...twos, pinned: anyPinned },
    expect: holds({ states: 43_348 }),
  }),
  thpScenario({
    name: "mthp-split-to-zap",
    why: "a page of the second part is unmapped before, amid or after the split: the part is torn then, and is split or freed later",
    tier: "full",
    options: OF_FOUR,
    threads: { stores: t.stores, discardsBeside: t.discardsBeside },
    others: { toTwos: t.toTwos },
    sometimes: { ...split, ...twos, ...queued, "a part is torn": (k) => k.thpSize.nrAnonPartiallyMapped.get(0) > 0 },
    expect: holds({ states: 116_334 }),
  }),
  thpScenario({
    name: "mthp-split-to-zap-part",
    why: "all of the second part is unmapped: it is freed by its last mapping, or by the split, and never by both",
    tier: "quick",
    options: OF_FOUR,
    threads: { discardsHalf: t.discardsHalf },
    others: { toTwos: t.toTwos },
    sometimes: { ...split, "one part is left": (k) => folios(k, 0) === 1 },
    expect: holds({ states: 4313 }),
  }),
  thpScenario({
    name: "mthp-split-to-fault",
    why: "a page is unmapped and faulted in again beside the split: what was a hole of a part is a page of its own",
    tier: "full",
    options: OF_FOUR,
    threads: { discardsLast: t.discardsLast, storesBeside: t.storesBeside },
    others: { toTwos: t.toTwos },
    sometimes: { ...split, ...twos, ...queued },
    expect: holds({ states: 185_489 }),
  }),
  thpScenario({
    name: "mthp-split-to-fork",
    why: "a huge page becomes two folios of two pages while it is shared and both processes write: entries of both are met",
    tier: "full",
    options: { ...OF_FOUR, ...TWO_PROCESSES },
    threads: { forks: t.forks },
    others: { child: t.child, toTwos: t.toTwos },
    sometimes: { ...split, ...twos, "both have migration entries": (k) => migrating(k, 0) && migrating(k, 1) },
    expect: holds({ states: 1_468_651 }),
  }),
  thpScenario({
    name: "mthp-split-to-shrinker",
    why: "a torn huge page is split into two folios by one and into pages by the shrinker: each takes what the other has left",
    tier: "full",
    options: OF_FOUR,
    threads: { tears: t.tears },
    others: { toTwos: t.toTwos, shrinker },
    sometimes: { ...splitOrNot, ...twos, ...queued },
    expect: holds({ states: 35_511 }),
  }),
  thpScenario({
    name: "mthp-split-to-twice",
    why: "two splits of one folio, into twos and into single pages, in either order",
    tier: "full",
    options: OF_FOUR,
    threads: { stores: t.stores },
    others: { toTwos: t.toTwos, toOnes: t.toOnes },
    sometimes: { ...splitOrNot, ...twos, "a folio of two is left": (k) => folios(k, 0) === 1 },
    expect: holds({ states: 55_336 }),
  }),
  thpScenario({
    name: "mthp-split-to-mremap",
    why: "the page table moves while a split walks the mappings: what is mapped again is mapped where it has moved to",
    tier: "full",
    options: { ...OF_FOUR, hugeRanges: 2, vmas: 4, anonVmas: 4, anonVmaChains: 6 },
    threads: { moves: t.moves },
    others: { toTwos: t.toTwos },
    areaEnd: 4,
    sometimes: { ...split, ...twos, ...entries },
    sanitize: WALKS_ON,
    expect: holds({ states: 3500 }),
  }),
  thpScenario({
    name: "mthp-split-to-collapse",
    why: "MADV_COLLAPSE makes one folio of what a split makes two of",
    tier: "full",
    options: OF_FOUR,
    threads: { collapsesAgain: t.collapsesAgain },
    others: { toTwos: t.toTwos, debugfsToTwos: t.debugfsToTwos },
    sometimes: { ...splitOrNot, ...twos, "it is huge": (k) => isHuge(k, 0, 0) },
    expect: holds({ states: 56_358 }),
  }),
  thpScenario({
    name: "mthp-split-toward-store",
    why: "a huge page of eight is halved toward one of its pages, which is written to: four, two, and two single pages are left",
    tier: "quick",
    options: OF_EIGHT,
    threads: { ofEight: t.ofEight },
    others: { towardSixth: t.towardSixth },
    sometimes: { ...split, "all sizes are there": (k) => folios(k, 0) === 1 && folios(k, 1) === 1, ...entries },
    expect: holds({ states: 2214 }),
  }),
  thpScenario({
    name: "mthp-split-toward-zap",
    why: "pages of three of the parts are unmapped while a huge page is halved toward one of them",
    tier: "full",
    options: OF_EIGHT,
    threads: { ofEight: t.ofEight, discardsMiddle: t.discardsMiddle },
    others: { towardSixth: t.towardSixth },
    sometimes: { ...split, "all sizes are there": (k) => folios(k, 0) === 1 && folios(k, 1) === 1, ...queued },
    expect: holds({ states: 305_659 }),
  }),
  thpScenario({
    name: "mthp-split-toward-gup",
    why: "GUP-fast pins the page toward which a huge page is halved",
    tier: "full",
    options: OF_FOUR,
    threads: { stores: t.stores, device: t.device },
    others: { towardLast: t.towardLast },
    sometimes: { ...splitOrNot, "a folio of two is left": (k) => folios(k, 0) === 1, pinned: anyPinned },
    expect: holds({ states: 52_458 }),
  }),
  thpScenario({
    name: "mthp-split-to-mremap-by-one",
    why: "a huge page moves by one page while it becomes two folios: one lies across two tables, and its entries are met in both",
    tier: "quick",
    options: { ...OF_FOUR, hugeRanges: 3, vmas: 4, anonVmas: 4, anonVmaChains: 6 },
    threads: { movesByOne: t.movesByOne },
    others: { toTwos: t.toTwos },
    areaEnd: 4,
    sometimes: { ...split, ...twos, ...entries, "one lies across two tables": (k) => folios(k, 0) === 2 && k.mm.nrPtes.get(0) === 3 },
    expect: holds({ states: 8213 }),
  }),
  thpScenario({
    name: "mthp-split-to-lazyfree",
    why: "half of a huge page becomes lazyfree, which splits it into pages, while another split makes two folios of it",
    tier: "full",
    options: OF_FOUR,
    threads: { freesLazily: t.freesLazily },
    others: { toTwos: t.toTwos },
    sometimes: { ...splitOrNot, ...twos },
    sanitize: WALKS_ON,
    expect: holds({ states: 5307 }),
  }),
  thpScenario({
    name: "mthp-split-to-pageout",
    why: "a lazyfree part is reclaimed as a whole, or not at all, while it is written to",
    tier: "full",
    options: OF_FOUR,
    threads: { freesLazily: t.freesLazily, pagesOut: t.pagesOut },
    others: { toTwos: t.toTwos },
    sometimes: { ...splitOrNot, ...twos },
    sanitize: ISOLATED_UNSANITIZED,
    expect: holds({ states: 470_222 }),
  }),
  thpScenario({
    name: "mthp-split-toward-debugfs",
    why: "debugfs walks over all pages of a range: what one split toward a page leaves large is split at the next page, beside a zap",
    tier: "full",
    options: OF_FOUR,
    threads: { stores: t.stores, discardsBeside: t.discardsBeside },
    others: { debugfsTowardLast: t.debugfsTowardLast },
    sometimes: { ...split, "a folio of two is left": (k) => folios(k, 0) === 1, ...queued },
    expect: holds({ states: 406_504 }),
  }),
  thpScenario({
    name: "mthp-split-toward-sixteen",
    why: "of sixteen pages, where folios of two are none that anonymous memory has: the last two halvings are one",
    tier: "quick",
    options: { ...OF_FOUR, pagesPerHugePage: 16, frames: 16, thpAnon: "16K-32K:never;64K:always", refcountMax: 31 },
    threads: { ofEight: t.ofEight },
    others: { towardSixth: t.towardSixth, toTwos: t.toTwos },
    sometimes: { ...splitOrNot, "all sizes are there": (k) => folios(k, 0) === 1 && folios(k, 1) === 1 },
    expect: holds({ states: 32_917 }),
  }),
];
