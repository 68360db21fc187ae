/** What a run or a search stops at: a broken promise, a witness, a label, a field that changes. */
import { CompiledSystem } from "../image/compiled-system.ts";
import type { Goal } from "../page/explored.ts";
import type { FieldPlan, LayoutPlan } from "../program/layout.ts";
import { elementName } from "../program/value-text.ts";
import { positionOf, StateBytes } from "../program/world.ts";
import type { Broken } from "../search/candidate.ts";
import { judgeState, judgeStep, judgeTerminal } from "../search/judge.ts";
import type { TransitionSystem } from "../system.ts";
import { canMove } from "../trace/replay.ts";
import { UsageError } from "../usage-error.ts";

/** Whether the step `before` -> `system.vector`, or how it went wrong, is what one looks for. */
export type Reached = (before: Int32Array, fault: Broken | null) => boolean;

/** Everything that is broken by the step to the state in `system.vector`, in words. */
export function brokenBy(system: TransitionSystem, before: Int32Array | null, fault: Broken | null): Broken[] {
  if (fault !== null) return [fault];
  const state = system.vector.slice();
  const ofState = [...judgeState(system), ...(before === null ? [] : judgeStep(system, before))];
  const isEnd = system.actors.every((_, a) => !canMove(system, a));
  system.vector.set(state);
  return isEnd ? [...ofState, ...judgeTerminal(system).broken] : ofState;
}

/** Throws a UsageError for a promise, witness or field that the program does not have. */
export function reachedBy(system: TransitionSystem, goal: Goal): Reached {
  switch (goal.kind) {
    case "broken": return (before, fault) => brokenBy(system, before, fault).length > 0;
    case "promise": {
      const known = [...system.always, ...system.stepProperties, ...system.finally];
      if (!known.includes(goal.name)) throw new UsageError(`there is no promise ${JSON.stringify(goal.name)}`);
      return (before, fault) => brokenBy(system, before, fault).some((b) => b.name === goal.name);
    }
    case "witness": {
      const index = system.sometimes.indexOf(goal.name);
      if (index < 0) throw new UsageError(`there is no witness ${JSON.stringify(goal.name)}`);
      return (_, fault) => fault === null && system.witness(index);
    }
    case "label": return (_, fault) => fault === null && system.label().includes(goal.name);
    case "field": return changes(system, goal.name);
  }
}

/** A field's name, `page.refcount`, is that of all its elements; `page[2].refcount` is one of them. */
function changes(system: TransitionSystem, name: string): Reached {
  const layout = system instanceof CompiledSystem ? system.image.plan : null;
  const positions = (layout?.fields ?? []).filter((f) => f.role !== "statistic").flatMap((field) =>
    Array.from({ length: field.count }, (_, i) => i).flatMap((i) => Array.from({ length: field.length ?? 1 }, (_, j) => j)
      .filter((j) => field.path === name || elementName(field, i, j) === name)
      .map((j) => ({ field, position: positionOf(field, 0, i, j), bytes: bytesOf(layout!, field) }))));
  if (positions.length === 0) {
    throw new UsageError(`there is no field ${JSON.stringify(name)}; fields are named page.refcount, one of them page[2].refcount`);
  }
  const now = new StateBytes(system.vector.buffer);
  return (before) => {
    const was = new StateBytes(before.slice().buffer);
    return positions.some(({ field, position, bytes }) => (field.lockBase < 0
      ? now.raw(field, position) !== was.raw(field, position)
      : now.u8.subarray(position >> 3, (position >> 3) + bytes).some((b, n) => b !== was.u8[(position >> 3) + n])));
  };
}

/** Bytes of a lock: its holder; of a semaphore readers and waiting writers as well. */
const bytesOf = (layout: LayoutPlan, field: FieldPlan): number => (field.kind === "rwsem" ? 1 + 2 * layout.maskBytes : 1);
