/**
 * A run with a loop, held to the promise that it is said to break and to the fairness of the actors: everything is asked of the states
 * that the trace itself goes through, and nothing of the graph in which it was found. And why fairness does not exclude it, in words.
 */
import { count } from "../../numbers.ts";
import { STEP_DISABLED, type LivenessPromise, type TransitionSystem } from "../../system.ts";
import { shownBy } from "./explored-graph.ts";

/** A state of the run, as the promise and fairness see it. */
export interface SeenState {
  /** The words of the state. */
  readonly words: Int32Array;
  /** The predicates that are true of it, as bits. */
  readonly shown: number;
  /** By actor: whether it can move. */
  readonly able: readonly boolean[];
  /** Of each actor that cannot move and has not come to rest, what keeps it; null: nothing is to be said. */
  readonly waits: readonly (string | null)[];
}

/** What the state in `vector` is, which is left as it was. */
export function seenState(system: TransitionSystem): SeenState {
  const words = system.vector.slice(0, system.stateWords);
  const shown = shownBy(system);
  const able = system.actors.map((_, a) => {
    system.setBranch([]);
    const moved = system.step(a) !== STEP_DISABLED;
    system.setBranch([]);
    system.vector.set(words);
    return moved;
  });
  return { words, shown, able, waits: system.actors.map((_, a) => (able[a]! ? null : waitOf(system, a))) };
}

function waitOf(system: TransitionSystem, actor: number): string | null {
  if (system.atRest(actor)) return null;
  const { label, waitsFor } = system.position(actor);
  if (waitsFor !== null) {
    const holders = waitsFor.holders.join(" and ");
    return `waits for ${waitsFor.lock}${holders === "" ? "" : ` held by ${holders}`}`;
  }
  return label === null ? "cannot move" : `waits at ${JSON.stringify(label)}`;
}

/** A run: one state more than steps, and the number of the state that the last one is again; the last one's own: the run stops. */
export interface SeenRun {
  readonly states: readonly SeenState[];
  readonly actors: readonly number[];
  readonly loop: number;
  readonly isBeyond: boolean;
}

/** Why the run does not break the promise; or what it does instead of keeping it, and why that is fair. */
export type Confirmed = { readonly problem: string } | { readonly message: string; readonly sentences: readonly string[] };

export function confirmRun(system: TransitionSystem, promise: LivenessPromise, run: SeenRun): Confirmed {
  const { states, loop, isBeyond } = run;
  const last = states.length - 1;
  if (isBeyond) return { problem: "the last state is beyond the scenario's within" };
  if (!states[loop]!.words.every((w, i) => w === states[last]!.words[i])) return { problem: `the last state is not state ${loop} again` };
  if (loop === last && promise.kind === "progress") return { problem: "the run ends" };
  const broken = brokenBy(promise, run);
  if (broken === null) return { problem: `the run keeps ${JSON.stringify(promise.name)}` };
  const owed = system.actors.findIndex((_, a) => isOwed(system, run, a));
  if (owed >= 0) return { problem: `the run is not fair to ${system.actors[owed]!.name}` };
  return { message: `${broken}: ${roundInWords(run)}`, sentences: system.actors.flatMap((_, a) => sentenceOf(system, run, a)) };
}

const shows = ({ shown }: SeenState, predicate: number): boolean => ((shown >>> predicate) & 1) === 1;

/** How the run breaks the promise; null: it keeps it. */
function brokenBy({ kind, name, goal, from }: LivenessPromise, { states, loop }: SeenRun): string | null {
  const round = states.slice(loop);
  const comes = round.some((s) => shows(s, goal));
  const said = JSON.stringify(name);
  switch (kind) {
    case "eventually": return states.some((s) => shows(s, goal)) ? null : `${said} must come at some time, and never does`;
    case "leadsTo": {
      const after = states.findLastIndex((s) => shows(s, goal)) + 1;
      const asked = states.findIndex((s, i) => i >= after && shows(s, from!));
      return comes || asked < 0 ? null : `${said}: state ${asked} asks for what must follow, and it never does`;
    }
    case "alwaysEventually": return comes ? null : `${said} must come again and again, and from state ${loop} on never does`;
    case "progress": return comes ? null : `a run that goes on must come to ${said} again and again, and from state ${loop} on never does`;
    case "eventuallyAlways": {
      const without = states.findIndex((s, i) => i >= loop && !shows(s, goal));
      return without < 0 ? null : `${said} must be so for ever from some time on, and is not in state ${without}, again and again`;
    }
  }
}

function roundInWords({ states, loop }: SeenRun): string {
  const last = states.length - 1;
  if (loop === last) return "no step follows the last state";
  return loop + 1 === last ? `step ${last} repeats for ever` : `steps ${loop + 1} to ${last} repeat for ever`;
}

/** States of the loop by number; the last one is the first again. Of a run that stops: its last state. */
function roundStates({ states, loop }: SeenRun): { readonly state: SeenState; readonly number: number }[] {
  const last = states.length - 1;
  return states.slice(loop, Math.max(loop + 1, last)).map((state, i) => ({ state, number: loop + i }));
}

const movesInRound = ({ actors, loop }: SeenRun, actor: number): boolean => actors.slice(loop).includes(actor);

/** Whether fairness gives the actor a step that the loop denies it. */
function isOwed(system: TransitionSystem, run: SeenRun, actor: number): boolean {
  const how = system.liveness!.fairness[actor]!;
  if (how === "none" || movesInRound(run, actor)) return false;
  const able = roundStates(run).map(({ state }) => state.able[actor]!);
  return how === "weak" ? !able.includes(false) : able.includes(true);
}

/** What the actor does in the loop, and why it may go on like that. */
function sentenceOf(system: TransitionSystem, run: SeenRun, actor: number): string[] {
  const { name } = system.actors[actor]!;
  const how = system.liveness!.fairness[actor]!;
  const round = roundStates(run);
  if (movesInRound(run, actor)) {
    const steps = run.actors.flatMap((a, i) => (a === actor && i >= run.loop ? [i + 1] : []));
    return [`${name} moves in the loop: ${count(steps.length, "step")}, the first is ${steps[0]!}`];
  }
  const can = round.find(({ state }) => state.able[actor]!);
  const cannot = round.find(({ state }) => !state.able[actor]!);
  if (can === undefined) {
    const waits = cannot!.state.waits[actor]!;
    return waits === null ? [] : [`${name} never can move: it ${waits}`];
  }
  if (how === "none") return [`${name} could move in state ${can.number}, and need not: nothing is owed to it (fairness "none")`];
  const waits = cannot!.state.waits[actor] ?? null;
  const why = waits === null ? "" : `, where it ${waits}`;
  const both = `can move in state ${can.number} and not in state ${cannot!.number}${why}, again and again`;
  return [`${name} ${both}: weak fairness does not make it move`];
}
