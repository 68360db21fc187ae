/** What is broken in the state or step that a system holds in its vector: all of it, in the order of declaration. */
import type { PropertyKind, TransitionSystem } from "../system.ts";
import type { Broken } from "./candidate.ts";

/**
 * Every property of the kind that is violated, given the index that a check function returned: none where it is negative.
 * `before`: the state before the step, for step properties; null otherwise.
 */
export function allBroken(system: TransitionSystem, kind: PropertyKind, first: number, before: Int32Array | null): Broken[] {
  if (first < 0) return [];
  const names = kind === "always" ? system.always : kind === "step" ? system.stepProperties : system.finally;
  return names.flatMap((name, index) =>
    (index === first || system.isBroken(kind, index, before) ? [{ kind, index, name, message: "" }] : []));
}

/** The state properties that are false in `system.vector`. */
export function judgeState(system: TransitionSystem): Broken[] {
  return system.always.length === 0 ? [] : allBroken(system, "always", system.checkState(), null);
}

/** The step properties that are false of the step `before` -> `system.vector`. */
export function judgeStep(system: TransitionSystem, before: Int32Array): Broken[] {
  return system.stepProperties.length === 0 ? [] : allBroken(system, "step", system.checkStep(before), before);
}

/** What is said of a state in which no actor can move. */
export interface TerminalVerdict {
  readonly broken: readonly Broken[];
  /** Every actor has ended or rests. */
  readonly isEnd: boolean;
}

/** Judges the state in `system.vector`, in which no actor can move. Beyond the bound of a search it is no end, and nothing is wrong. */
export function judgeTerminal(system: TransitionSystem): TerminalVerdict {
  if (system.isBeyond?.() === true) return { broken: [], isEnd: false };
  for (let a = 0; a < system.actors.length; a++) {
    if (system.atRest(a)) continue;
    const broken: readonly Broken[] = [{ kind: "deadlock", index: -1, name: "deadlock", message: "" }];
    return { broken: system.deadlockIsFine === true ? [] : broken, isEnd: false };
  }
  return { broken: allBroken(system, "finally", system.checkEnd(), null), isEnd: true };
}
