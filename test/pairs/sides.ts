/** What the two sides and the third of a pair do. */
import { at, current, type Int, type Routine } from "thpcheck";
import { vmBugOn } from "../../impl/bug.ts";
import { openGate, passGate, scheduleIn } from "../../impl/entry/boot.ts";
import { CALL } from "../../impl/entry/calls.ts";
import { carryOut, type CallNumber, type CallResult } from "../../impl/entry/carry-out.ts";
import { MAY_RETURN, mayReturn } from "../../impl/entry/errnos.ts";
import { load } from "../../impl/entry/syscalls.ts";
import { FOLL_PIN, FOLL_WRITE, gupFastFallback, unpinFolio, unpinFolioDirtyLock } from "../../impl/gup.ts";
import { pageFolio } from "../../impl/page-flags.ts";
import type { Pfn } from "../../impl/structs/types.ts";
import { folioPut } from "../../impl/swap.ts";
import { pageAt } from "../../kernel/actors.ts";
import { act } from "./actors.ts";
import { deviceStores } from "./device.ts";
import { fill, LAYOUTS, MEMORY } from "./memory.ts";
import { FIRST_ACTOR, OPERATIONS, wordsOf } from "./operations.ts";
import { firstOf, firstPage, layout, memory, secondOf, thirdOf, type K, type OperationNumber } from "./state.ts";
import { THIRD } from "./thirds.ts";

const COUNT = OPERATIONS.length;
/** By layout and side: the words of each operation. */
const WORDS = LAYOUTS.flatMap((places) => ([0, 1] as const).flatMap((side) => OPERATIONS.map((o) => wordsOf(o, places, side))));
/** Error numbers that each operation may return. */
const ERRNOS = OPERATIONS.map((o) => (o.call === null ? 0 : MAY_RETURN[o.call]));
type WordsRow = Int<0, 1023>;

/** Carries out the operation, and tells what became of it. */
function* side(k: K, n: OperationNumber): Routine {
  k.told.begun.add(1);
  let done: boolean = false;
  if (n >= FIRST_ACTOR) done = yield* act(k, n);
  else done = yield* call(k, n);
  if (done) k.told.done.add(1);
  else k.told.failed.add(1);
}

function* call(k: K, n: OperationNumber): Routine<boolean> {
  const row: WordsRow = (2 * layout(k) + current(k)) * COUNT + n;
  const w = WORDS[row]!;
  const result: CallResult = yield* carryOut(k, w[0]!, w[1]!, w[2]!, w[3]!, w[4]!, w[5]!, w[6]!, w[7]!, w[8]!);
  vmBugOn(!mayReturn(ERRNOS[n]!, result), "pairs: a call has returned an error that impl/entry/calls.ts does not name");
  const op: CallNumber = WORDS[n]![0]!;
  if (op === CALL.getUserPage && result >= 0) yield* useAndPut(k, n, result);
  if (op === CALL.load) return result !== k.param.contents.get();
  if (op === CALL.store || op === CALL.touch) return result > 0;
  return result >= 0;
}
/** What pins are for. A page that was written to through a pin is made dirty before the pin ends. */
function* useAndPut(k: K, n: OperationNumber, page: Pfn): Routine {
  const flags = WORDS[n]![2]!;
  if ((flags & FOLL_PIN) === 0) yield* folioPut(k, pageFolio(k, page));
  else if ((flags & FOLL_WRITE) === 0) yield* unpinFolio(k, page);
  else {
    yield at("store through a pin");
    deviceStores(k, page, 3);
    yield* unpinFolioDirtyLock(k, page);
  }
}

export function* firstSide(k: K): Routine {
  yield at("memory");
  yield* fill(k, memory(k));
  yield at("frame");
  // Where there is none yet, the one that is handed out next.
  k.pair.frame.set(Math.max(0, pageAt(k, k.cpu.mm.get(0), firstPage(k))));
  if (thirdOf(k) === THIRD.reference || thirdOf(k) === THIRD.pin) yield* refers(k, thirdOf(k));
  if (thirdOf(k) !== THIRD.translation) k.pair.ready.set(true);
  yield* openGate(k);
  yield at("first side", () => k.pair.ready.get());
  yield* side(k, firstOf(k));
}
export function* secondSide(k: K): Routine {
  yield* passGate(k);
  if (memory(k) === MEMORY.child) yield* scheduleIn(k);
  yield at("second side", () => k.pair.ready.get());
  yield* side(k, secondOf(k));
}

/** The reference that the third will drop. */
function* refers(k: K, third: Int<0, 3>): Routine {
  const page: Pfn = yield* gupFastFallback(k, k.cpu.mm.get(0), firstPage(k), third === THIRD.pin ? FOLL_PIN : 0);
  vmBugOn(page < 0, "pairs: there is no page for the third");
  k.pair.frame.set(page);
}
export function* thirdHolds(k: K): Routine {
  yield* passGate(k);
  if (thirdOf(k) === THIRD.translation) {
    yield* load(k, firstPage(k));
    yield* load(k, firstPage(k) + 1);
    k.pair.ready.set(true);
    return;
  }
  yield at("the third drops its reference");
  const page: Pfn = k.pair.frame.get();
  if (thirdOf(k) === THIRD.pin) yield* unpinFolio(k, page);
  else yield* folioPut(k, pageFolio(k, page));
}
