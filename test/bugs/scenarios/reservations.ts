/** Reservations of the safe design that are there from the start: short traces for the defects of the RFC of 2018, put back one by one. */
import { at, holds, type Routine } from "thpcheck";
import { MADV_DONTNEED } from "../../../impl/madvise.ts";
import type { Frames } from "../../../impl/structs/types.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { announceResult } from "../../../impl/khugepaged/announce.ts";
import { collapseControl, type CollapseControl } from "../../../impl/khugepaged/collapse-control.ts";
import type { ScanResult } from "../../../impl/khugepaged/scan-result.ts";
import { store, sysMadvise, sysMprotect } from "../../../impl/entry/syscalls.ts";
import { safePromote } from "../../../impl/thp-reservation/safe-promote.ts";
import { reservationsShrink } from "../../../impl/thp-reservation/shrinker.ts";
import { thpScenario } from "../../../kernel/thp.ts";
import { isHuge, note, noted, type K, type Met } from "../../../kernel/world.ts";
import { bootAnonVma, bootPage, bootReservation, bootReservedPage, bootScanned } from "./setup/memory.ts";

const FREED: Met = 2;

function* writesFirst(k: K): Routine {
  yield* store(k, 0, 2);
}
function* writesSecond(k: K): Routine {
  yield* store(k, 1, 2);
}
function* writesOtherRange(k: K): Routine {
  yield* store(k, 2, 2);
}
function* discards(k: K): Routine {
  yield* sysMadvise(k, 0, 1, MADV_DONTNEED);
}
/** Takes the last page of the first reservation; then memory runs short. */
function* usesUpAndShrinks(k: K): Routine {
  yield* store(k, 1, 2);
  const freed: Frames = yield* reservationsShrink(k);
  if (freed > 0) note(k, FREED);
}
function* shrinks(k: K): Routine {
  const freed: Frames = yield* reservationsShrink(k);
  if (freed > 0) note(k, FREED);
}
/** MADV_COLLAPSE of a reserved range, from where the scan was content. */
function* promotes(k: K): Routine {
  yield at("promote");
  const cc: CollapseControl = collapseControl(k, false);
  const result: ScanResult = yield* safePromote(k, 0, 0, cc);
  announceResult(k, 0, 0, result);
}
/** The first range becomes an area of its own, and its reservation changes hands. */
function* splitsArea(k: K): Routine {
  yield* sysMprotect(k, 2, 2, VM_READ);
}

function halfUsed(k: K): void {
  bootAnonVma(k, 0);
  bootReservation(k, 0, 0);
  bootReservedPage(k, 0, 0, 1);
}
function twoHalfUsed(k: K): void {
  halfUsed(k);
  bootReservation(k, 0, 2);
  bootReservedPage(k, 0, 2, 1);
}
/** All of memory: a reservation that nothing was taken from, and two pages of the third range. */
function memoryIsFull(k: K): void {
  bootAnonVma(k, 0);
  bootReservation(k, 0, 0);
  bootPage(k, 0, 4, 1);
  bootPage(k, 0, 5, 1);
}
/** Page 1 was written while huge pages were off: it is none of the reservation's. */
function halfForeign(k: K): void {
  halfUsed(k);
  bootPage(k, 0, 1, 2);
  bootScanned(k, 0, 0, 0);
}

const perMm: Partial<KernelOptions> = { policy: "gorman-2018" };
const perArea: Partial<KernelOptions> = { policy: "full-leaves-lru" };

export default [
  thpScenario({
    name: "reserved-first-fault-fails",
    why: "no memory for the object of a reservation: its block is given back page by page, each with its reference",
    tier: "full",
    options: { ...perMm, allocationMayFail: true },
    threads: { writesFirst },
    sometimes: {
      "reserved": (k) => k.resvLru.length.get() === 1,
      "not reserved, but written": (k) => k.resvLru.length.get() === 0 && k.mm.anonPages.get(0) === 1,
    },
    expect: holds({ states: 94 }),
  }),
  thpScenario({
    name: "reserved-used-up",
    why: "the last page of a reservation is handed out: memory pressure finds an unused page in another one, with its first call",
    tier: "full",
    options: { ...perArea, hugeRanges: 2 },
    memory: twoHalfUsed,
    threads: { usesUpAndShrinks },
    sometimes: { "used up": (k) => k.resvLru.length.get() === 1 },
    finally: { "the shrinker has given a page back": noted(FREED) },
    expect: holds({ states: 29 }),
  }),
  thpScenario({
    name: "reserved-promotion-foreign-page",
    why: "a page that is none of the reservation's is mapped in its range: there is no promotion in place, which would drop it",
    tier: "full",
    options: perMm,
    memory: halfForeign,
    threads: { promotes },
    others: { shrinks },
    sometimes: { "not promoted": (k) => !isHuge(k, 0, 0) && k.collapse.stage.get(0) === 0 },
    expect: holds({ states: 336 }),
  }),
  thpScenario({
    name: "reserved-reclaim-reserve",
    why: "a fault that reserves finds no memory and reclaims: it holds no lock that the shrinker of reservations takes",
    tier: "full",
    options: { ...perMm, hugeRanges: 3, frames: 4, directReclaim: true },
    memory: memoryIsFull,
    threads: { writesOtherRange },
    sometimes: { "reserved for the other range": (k) => k.resvs.hash.get(0, 1) >= 0 },
    expect: holds({ states: 44 }),
  }),
  thpScenario({
    name: "reserved-split-shrink",
    why:
      "a reservation changes hands with its range while memory pressure wants it: the lock that the shrinker has read is " +
      "asked for again",
    tier: "full",
    options: { ...perArea, hugeRanges: 2, vmas: 3, anonVmaChains: 4 },
    memory: halfUsed,
    threads: { splitsArea },
    others: { shrinks },
    sometimes: { "the shrinker has it": noted(FREED), "the new area has it": (k) => k.resvs.hash.get(1, 0) >= 0 },
    expect: holds({ states: 136 }),
  }),
  thpScenario({
    name: "reserved-take-release",
    why: "a page is handed out while the reservation is given up: both counters follow in one step, or one of them counts the page twice",
    tier: "full",
    options: { ...perMm, hugeRanges: 2 },
    memory: halfUsed,
    threads: { writesSecond, discards },
    sometimes: { "taken": (k) => k.resvLru.length.get() === 0 && k.mm.anonPages.get(0) === 2 },
    expect: holds({ states: 724 }),
  }),
];
