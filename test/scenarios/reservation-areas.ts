/** Reservations follow their areas: split, merge, mremap, munmap; against faults and memory pressure. */
import { holds, type Routine } from "thpcheck";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { load, store, sysMprotect, sysMremap, sysMunmap } from "../../impl/entry/syscalls.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { FREED, shrinks } from "../../kernel/actors.ts";
import { reservationScenarios, reserved } from "./setup/reservation.ts";
import { noted, type K } from "../../kernel/world.ts";

const RW = VM_READ | VM_WRITE;

/** The boundary cuts the range: its reservation goes. */
function* cuts(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMprotect(k, 1, 1, VM_READ);
}
function* storesAgain(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 0, 2);
}
/** The boundary lies between two ranges, and goes away again: reservations change hands twice. */
function* splitsAndMerges(k: K): Routine {
  yield* store(k, 0, 1);
  yield* store(k, 2, 1);
  yield* openGate(k);
  yield* sysMprotect(k, 2, 2, VM_READ);
  yield* sysMprotect(k, 2, 2, RW);
  yield* store(k, 3, 2);
}
function* storesInFirst(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 1, 2);
}
/** To the range behind, which is aligned alike. */
function* moves(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 2);
  yield* store(k, 3, 2);
  yield* load(k, 2);
}
/** By one page: nothing of the block is where it belongs. */
function* movesByOne(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMremap(k, 0, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
  yield* load(k, 3);
}
/** All of it, to where it lies across two ranges. */
function* movesAcross(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMremap(k, 0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 3);
  yield* store(k, 4, 2);
  yield* load(k, 3);
}
function* unmapsHalf(k: K): Routine {
  yield* store(k, 0, 1);
  yield* openGate(k);
  yield* sysMunmap(k, 1, 1);
}

/** Whether each reservation is of a whole range that is not the first one. */
function firstRangeHasNone(k: K): boolean {
  for (let i = 0; i < k.resv.count; i++) {
    const haddr = k.resv.haddr.get(i);
    if (k.resv.allocated.get(i) && (haddr === 0 || haddr % k.param.hpagePmdNr.get() !== 0)) return false;
  }
  return true;
}

const areas = { vmas: 4, anonVmas: 3, anonVmaChains: 5 };
const twoRanges = { ...areas, hugeRanges: 2, pageTables: 3 };
const dropped = { "the reservation is gone": (k: K) => reserved(k) === 0 && k.vma.mm.get(1) >= 0 };

export default [
  ...reservationScenarios({
    name: "reservation-split-fault",
    why: "an area is split in the middle of a reserved range, while another thread writes to it",
    tier: "quick",
    options: areas,
    threads: { cuts, storesAgain },
    sometimes: dropped,
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds(), "rfc-2018": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-split-shrinker",
    why: "an area is split in the middle of a reserved range, while memory pressure takes the reservation",
    tier: "quick",
    options: areas,
    threads: { cuts },
    others: { shrinks },
    sometimes: { ...dropped, "the shrinker is faster": noted(FREED) },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "release-all": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-merge-shrinker",
    why: "an area is split between two reserved ranges and merged again, while memory pressure takes one or both",
    tier: "quick",
    options: twoRanges,
    threads: { splitsAndMerges },
    others: { shrinks },
    sometimes: {
      "a reservation is taken": noted(FREED), "two areas with a reservation each": (k) => reserved(k) === 2 && k.vma.mm.get(1) >= 0,
    },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "release-all": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-merge-fault",
    why: "an area is split between two reserved ranges and merged again, while a fault takes a page of one",
    tier: "quick",
    options: twoRanges,
    threads: { splitsAndMerges, storesInFirst },
    sometimes: { "both are used up": (k) => reserved(k) === 2 && k.node.thpReserved.get() === 0 },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-mremap-shrinker",
    why: "a reserved range moves while memory pressure takes its reservation",
    tier: "quick",
    options: twoRanges,
    areaEnd: 2,
    threads: { moves },
    others: { shrinks },
    sometimes: { "the shrinker takes it": noted(FREED) },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "mremap-drops": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-mremap-fault",
    why: "a reserved range moves while another thread writes to it, at the old address",
    tier: "quick",
    options: twoRanges,
    areaEnd: 2,
    threads: { moves, storesInFirst },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "mremap-drops": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-mremap-misaligned",
    why: "a page moves to another offset in its range: its reservation stays behind and goes",
    tier: "quick",
    options: twoRanges,
    areaEnd: 2,
    threads: { movesByOne },
    others: { shrinks },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "mremap-drops": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-mremap-across",
    why: "a reserved range moves to where it lies across two: its reservation has no range any more, and goes",
    tier: "quick",
    options: { ...areas, hugeRanges: 3, pageTables: 4 },
    areaEnd: 2,
    threads: { movesAcross },
    finally: { "no reservation is of the old range, or lies across two": firstRangeHasNone },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "mremap-drops": holds() },
  }),
  ...reservationScenarios({
    name: "reservation-munmap-fault",
    why: "half of a reserved range is unmapped while another thread writes to the other half",
    tier: "quick",
    options: areas,
    threads: { unmapsHalf, storesAgain },
    expect: { "rfc-choices": holds(), "gorman-2018": holds(), "per-mm": holds(), "full-leaves-lru": holds() },
  }),
];
