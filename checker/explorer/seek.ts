/** Ways to a goal from a state: by chance, or the nearest state that shows it. */
import { faultOf, type Broken } from "../search/candidate.ts";
import type { Path, PathStep } from "../search/steps.ts";
import { followPath, forEachStep } from "../search/steps.ts";
import { randomSource } from "../search/strategy/random-source.ts";
import type { TransitionSystem } from "../system.ts";
import type { Reached } from "./goals.ts";

/** A walk ends after so many steps. */
export const WALK_STEPS_MAX = 2000;
/** A search ends after so many states, or seconds: somebody waits for it. */
export const NEAREST_STATES_MAX = 50_000;
const NEAREST_SECONDS_MAX = 15;

export interface Sought {
  /** The steps from where one was to where the goal shows; null: it was not found. */
  readonly steps: readonly PathStep[] | null;
  /** Why it ended, where it found nothing. */
  readonly why: string;
}

interface Choice extends PathStep {
  readonly words: Int32Array;
  readonly fault: boolean;
  readonly reached: boolean;
}

/**
 * The steps of the state, each with where it leads. Each is taken a second time to be judged: whoever judges tries other steps,
 * and a promise about a step is asked right after it.
 */
function choicesAt(system: TransitionSystem, state: Int32Array, reached: Reached): Choice[] {
  const steps: PathStep[] = [];
  forEachStep(system, state, 0, (actor) => { steps.push({ actor, choices: system.branch() }); });
  return steps.map((step) => {
    system.vector.set(state);
    const fault = taken(system, step);
    const words = system.vector.slice(0, system.stateWords);
    return { ...step, words, fault: fault !== null, reached: reached(state, fault) };
  });
}

function taken(system: TransitionSystem, { actor, choices }: PathStep): Broken | null {
  try {
    system.setBranch(choices);
    system.step(actor);
    return null;
  } catch (e) {
    return faultOf(e);
  }
}

/** Takes steps by chance until one shows the goal. The same seed takes the same steps. */
export function walkTo(system: TransitionSystem, from: Path, reached: Reached, seed: number): Sought {
  followPath(system, from);
  let state: Int32Array = system.vector.slice(0, system.stateWords);
  const random = randomSource(seed, 0);
  const steps: PathStep[] = [];
  while (steps.length < WALK_STEPS_MAX) {
    const choices = choicesAt(system, state, reached);
    if (choices.length === 0) return { steps: null, why: `the walk came to an end after ${steps.length} steps` };
    const choice = choices[Math.floor(random() * choices.length)]!;
    steps.push({ actor: choice.actor, choices: choice.choices });
    if (choice.reached) return { steps, why: "" };
    if (choice.fault) return { steps: null, why: `step ${steps.length} of the walk went wrong` };
    state = choice.words;
  }
  return { steps: null, why: `${WALK_STEPS_MAX} steps of a walk did not come there` };
}

interface Found extends PathStep {
  /** Index of the state before; -1: where one was. */
  readonly parent: number;
  readonly words: Int32Array;
}

/** The fewest steps to a state that shows the goal, breadth-first. */
export function nearest(system: TransitionSystem, from: Path, reached: Reached): Sought {
  followPath(system, from);
  const start = system.vector.slice(0, system.stateWords);
  const known = new Set([keyOf(start)]);
  const states: Found[] = [{ parent: -1, words: start, actor: -1, choices: [] }];
  const deadline = performance.now() + 1000 * NEAREST_SECONDS_MAX;
  for (let at = 0; at < states.length; at++) {
    for (const { words, fault, reached: isGoal, ...step } of choicesAt(system, states[at]!.words, reached)) {
      const found = { parent: at, words, actor: step.actor, choices: step.choices };
      if (isGoal) return { steps: stepsTo(states, found), why: "" };
      const key = keyOf(words);
      if (fault || known.has(key)) continue;
      known.add(key);
      states.push(found);
    }
    const isLate = performance.now() > deadline;
    if (known.size > NEAREST_STATES_MAX || isLate) {
      return { steps: null, why: `${known.size} states from here do not show it, and there are more` };
    }
  }
  return { steps: null, why: `none of the ${known.size} states that can be reached from here shows it` };
}

const keyOf = (words: Int32Array): string => Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString("latin1");

function stepsTo(states: readonly Found[], last: Found): PathStep[] {
  const steps: PathStep[] = [];
  for (let at = last; at.parent >= 0; at = states[at.parent]!) steps.push({ actor: at.actor, choices: at.choices });
  return steps.reverse();
}
