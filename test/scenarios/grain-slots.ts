/** khugepaged's list of address spaces with its words (grain `slots`): what is scanned leaves, and what comes next is on the list. */
import { holds, type Expectation } from "thpcheck";
import type { Grain } from "../../impl/config/grain.ts";
import { khugepagedDoScan } from "../../impl/khugepaged.ts";
import { load, store, sysExit, sysFork } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "../../kernel/thp.ts";
import { TWO_PROCESSES, type K } from "../../kernel/world.ts";

/** Registers, and its child with it. */
function* forksAndLeaves(k: K) {
  yield* load(k, 0);
  yield* sysFork(k, 1);
  yield* openGate(k);
  yield* sysExit(k);
}
function* childLeaves(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* sysExit(k);
}
function* childStays(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* store(k, 0, 1);
}
function* oneScan(k: K) {
  yield* passGate(k);
  yield* khugepagedDoScan(k);
}
const scanned = {
  "both are on the list": (k: K) => k.khugepaged.slots.get() === 3,
  "the scan goes on with the second": (k: K) => k.khugepaged.cursorMm.get() === 1,
};

/** With the grain that is asked for: a test does without, to show what is not seen then. */
export const slotsExit = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "parent and child leave while the scan is at one of them, at the other, or between: who frees the slot, and where the scan goes on",
  tier: "quick", options: { ...TWO_PROCESSES, grain },
  threads: { forksAndLeaves },
  others: { childLeaves, oneScan },
  sometimes: { ...scanned, "the scan is at who has no users": (k) => k.khugepaged.cursorMm.get() === 0 && k.mm.users.get(0) === 0 },
  expect,
});


export default [
  slotsExit("grain-slots-exit", ["slots"], holds()),
  thpScenario({
    name: "grain-slots-next",
    why: "the first leaves, and the scan, which frees its slot, goes on with the one behind it",
    tier: "quick", options: { ...TWO_PROCESSES, grain: ["slots"] },
    threads: { forksAndLeaves },
    others: { childStays, oneScan },
    sometimes: scanned,
    expect: holds({ states: 23_272 }),
  }),
];
