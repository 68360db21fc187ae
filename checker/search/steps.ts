/** The steps of one state, one at a time: for everything that is not the hot loop. */
import type { TransitionSystem } from "../system.ts";
import { STEP_DISABLED } from "../system.ts";
import type { Broken } from "./candidate.ts";
import { UsageError } from "../usage-error.ts";
import { faultOf } from "./candidate.ts";

export interface PathStep {
  readonly actor: number;
  readonly choices: readonly number[];
}

/** A run from an initial state: what a trace says. */
export interface Path {
  readonly initial: readonly number[];
  readonly steps: readonly PathStep[];
}

/**
 * Calls `visit` for every initial state, with `system.vector` holding it, or with the fault of an `init` that threw.
 * `index` counts the branches of `init`, those that make no initial state as well. Throws a UsageError where none makes one.
 */
export function forEachInitial(system: TransitionSystem, visit: (index: number, fault: Broken | null) => void): void {
  let index = 0;
  let none = true;
  system.setBranch([]);
  do {
    let fault: Broken | null = null;
    let isInitial = true;
    try {
      system.init();
      isInitial = system.isInitial?.() ?? true;
    } catch (error) {
      fault = faultOf(error);
    }
    if (isInitial) {
      none = false;
      visit(index, fault);
    }
    index++;
  } while (system.nextBranch());
  if (none) throw new UsageError("there is no initial state: initially is true of none that init makes");
}

/** `ordinal` counts the steps of the state that were taken before this one. */
export type VisitStep = (actor: number, ordinal: number, fault: Broken | null) => void;

/**
 * Calls `visit` for every step of the state `words[at]...`, with `system.vector` holding the successor and
 * `system.branch()` its choices, or with the fault that the step threw. Returns the number of steps.
 * `visit` may change the vector but not the script.
 */
export function forEachStep(system: TransitionSystem, words: Int32Array, at: number, visit: VisitStep): number {
  const { vector, stateWords, actors } = system;
  const restore = (): void => {
    for (let i = 0; i < stateWords; i++) vector[i] = words[at + i]!;
  };
  restore();
  system.setBranch([]);
  let ordinal = 0;
  for (let actor = 0; actor < actors.length; actor++) {
    do {
      let fault: Broken | null = null;
      try {
        if (system.step(actor) === STEP_DISABLED) continue;
      } catch (error) {
        fault = faultOf(error);
      }
      visit(actor, ordinal++, fault);
      restore();
    } while (system.nextBranch());
  }
  restore();
  return ordinal;
}

/** The path that takes, at each state, the step of the given ordinal; the first ordinal counts the branches of `init`. */
export function pathOf(system: TransitionSystem, ordinals: readonly number[]): Path {
  const [first, ...rest] = ordinals;
  const state = new Int32Array(system.stateWords);
  const next = new Int32Array(system.stateWords);
  let initial: readonly number[] = [];
  forEachInitial(system, (index) => {
    if (index !== first) return;
    initial = system.branch();
    state.set(system.vector.subarray(0, state.length));
  });
  const steps: PathStep[] = [];
  for (const wanted of rest) {
    forEachStep(system, state, 0, (actor, ordinal) => {
      if (ordinal !== wanted) return;
      steps.push({ actor, choices: system.branch() });
      next.set(system.vector.subarray(0, next.length));
    });
    state.set(next);
  }
  return { initial, steps };
}

/** The state that follows a path does not exist: the model does not behave the same twice. */
export class PathBroken extends Error {
  readonly step: number;
  constructor(step: number, message: string) {
    const what = `step ${step + 1} of the path cannot be taken again: ${message}`;
    super(`[thpcheck internal] ${what}. Does the model keep state outside its vector?`);
    this.name = "PathBroken";
    this.step = step;
  }
}

/**
 * Takes the steps of `path`. Returns the state before the last step, and the fault of the last step if it failed; the state
 * after it is in `system.vector`. Throws PathBroken where a step cannot be taken.
 */
export function followPath(system: TransitionSystem, path: Path): { before: Int32Array; fault: Broken | null } {
  let before = system.vector.slice();
  system.setBranch(path.initial);
  try {
    system.init();
  } catch (error) {
    return { before, fault: faultOf(error) };
  }
  for (const [i, { actor, choices }] of path.steps.entries()) {
    before = system.vector.slice();
    system.setBranch(choices);
    try {
      if (system.step(actor) === STEP_DISABLED) throw new PathBroken(i, `${system.actors[actor]?.name ?? actor} cannot move`);
    } catch (error) {
      if (error instanceof PathBroken) throw error;
      if (i < path.steps.length - 1) throw new PathBroken(i, String(error));
      return { before, fault: faultOf(error) };
    }
  }
  return { before, fault: null };
}
