/**
 * The huge zero folio and its frame number as two words (grain `zero`): the last user leaves, the shrinker takes the folio away,
 * and another process faults it in again meanwhile.
 */
import { at, holds, type Expectation } from "thpcheck";
import type { Grain } from "../../impl/config/grain.ts";
import { shrinkHugeZeroFolioCount, shrinkHugeZeroFolioScan } from "../../impl/huge-memory/huge-zero.ts";
import { load, store, sysExit, sysFork } from "../../impl/entry/syscalls.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { thpScenario } from "./setup/thp.ts";
import { isHuge, note, noted, TWO_PROCESSES, type K, type Met } from "./setup/world.ts";

const FREED: Met = 0;
const KEPT: Met = 1;

function* shrinker(k: K) {
  yield* passGate(k);
  yield at("shrink_huge_zero_folio_count");
  if (shrinkHugeZeroFolioCount(k) === 0) return;
  const freed: boolean = yield* shrinkHugeZeroFolioScan(k);
  note(k, freed ? FREED : KEPT);
}
function* leaves(k: K) {
  yield* sysFork(k, 1);
  yield* load(k, 0);
  yield* openGate(k);
  yield* sysExit(k);
}
/** What it reads, writes and leaves behind is told by the number: zap, copy and write are those of the huge zero folio. */
function* comesAndLeaves(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* load(k, 0);
  yield* sysExit(k);
}
function* comesAndWrites(k: K) {
  yield* scheduleIn(k);
  yield* passGate(k);
  yield* load(k, 1);
  yield* store(k, 0, 2);
  yield* load(k, 1);
}

/** With the grain that is asked for: a test does without, to show what is not seen then. */
export const zeroShrinker = (name: string, grain: Grain, expect: Expectation) => thpScenario({
  name,
  why: "a process takes the huge zero folio up while the shrinker takes it away: folio and number stay of one another",
  tier: "quick",
  options: { ...TWO_PROCESSES, grain },
  threads: { leaves },
  others: { comesAndLeaves, shrinker },
  sometimes: {
    "the shrinker frees it": noted(FREED),
    "it is there again": (k) => k.seen.events.has(FREED) && k.hugeZero.refcount.get() === 2 && k.hugeZero.page.get() >= 0,
  },
  expect,
});

export default [
  zeroShrinker("grain-zero-shrinker", ["zero"], holds()),
  thpScenario({
    name: "grain-zero-write",
    why: "the same, and a write takes its place",
    tier: "full",
    options: { ...TWO_PROCESSES, grain: ["zero"] },
    threads: { leaves },
    others: { comesAndWrites, shrinker },
    sometimes: {
      "the shrinker frees it": noted(FREED),
      "a huge page has taken its place": (k) => isHuge(k, 1, 0) && k.mm.anonPages.get(1) === 2,
    },
    expect: holds({ states: 9046 }),
  }),
];
