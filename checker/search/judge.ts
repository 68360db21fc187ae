/** What is broken in the state or step that a system holds in its vector. */
import type { PropertyKind, TransitionSystem } from "../system.ts";
import type { Broken } from "./candidate.ts";

/** The property of this kind that a check function named by its index. */
export function brokenProperty(system: TransitionSystem, kind: PropertyKind, index: number): Broken {
  const names = kind === "always" ? system.always : kind === "step" ? system.stepProperties : system.finally;
  return { kind, index, name: names[index]!, message: "" };
}

/** The first state property that is false in `system.vector`; null when there is none. */
export function judgeState(system: TransitionSystem): Broken | null {
  const index = system.always.length > 0 ? system.checkState() : -1;
  return index < 0 ? null : brokenProperty(system, "always", index);
}

/** The first step property that is false of the step `before` -> `system.vector`; null when there is none. */
export function judgeStep(system: TransitionSystem, before: Int32Array): Broken | null {
  const index = system.stepProperties.length > 0 ? system.checkStep(before) : -1;
  return index < 0 ? null : brokenProperty(system, "step", index);
}

/** What is wrong with the state in `system.vector`, in which no actor can move; null for a good end state. */
export function judgeTerminal(system: TransitionSystem): Broken | null {
  for (let a = 0; a < system.actors.length; a++) {
    if (!system.atRest(a)) return { kind: "deadlock", index: -1, name: "deadlock", message: "" };
  }
  const index = system.checkEnd();
  return index < 0 ? null : brokenProperty(system, "finally", index);
}
