/** A call of a pair in the checker, alone and first: to which points of a kernel it comes, in order. */
import { StateBytes, makeWorld } from "../../../checker/program/world.ts";
import type { SourceFrame } from "../../../checker/system.ts";
import { STEP_DISABLED } from "../../../checker/system.ts";
import type { K } from "../model-program.ts";
import { beginning, systemOf } from "../model-set.ts";
import type { Pair } from "../pairs.ts";
import type { Side } from "../schedule.ts";
import { keyOf } from "../traced/points.ts";
import { entered, entriesOf } from "../traced/walk.ts";

/** Around the calls of a pair, and no part of the kernel. */
const AROUND = new Set(["carryOut", "touch"]);

/** By `keyOf`: "entry collapseHugePage", "write pmd". Throws an Error for a call that waits although it is alone. */
export function aloneInChecker(release: string, pair: Pair, side: Side): readonly string[] {
  const system = systemOf(release, pair.pages);
  const { vector, stateWords, image } = system;
  const k = makeWorld(image.plan, new StateBytes(vector.buffer), stateWords * 4) as unknown as K;
  vector.set(beginning(system, k, pair));
  /** From the call inwards. Empty: it has not begun, or has returned. */
  const frames = (): readonly SourceFrame[] => {
    const stack = system.position(side).stack.toReversed();
    const at = stack.findIndex((f) => f.routine === "step");
    return at < 0 ? [] : stack.slice(at + 1).filter((f) => !AROUND.has(f.routine));
  };
  const notYet = k.forced.a.get();
  const isOver = (): boolean => (side === 0 ? k.forced.a.get() : k.forced.b.get()) !== notYet;
  const all: string[] = [];
  while (!isOver()) {
    const [before, [pmd, pte]] = [frames(), entriesOf(k)];
    system.setBranch([]);
    if (system.step(side) === STEP_DISABLED) throw new Error(`${pair.name}: a call that is alone waits in the checker`);
    const [nowPmd, nowPte] = entriesOf(k);
    if (nowPmd !== pmd) all.push(keyOf({ kind: "write", level: "pmd", exact: true }));
    // A table that is gone has not been written to.
    if (nowPte !== pte && pte !== null && nowPte !== null) all.push(keyOf({ kind: "write", level: "pte", exact: true }));
    all.push(...entered(before, frames()).map((routine) => keyOf({ kind: "entry", routine })));
  }
  return all;
}
