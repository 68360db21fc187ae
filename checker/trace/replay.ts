/**
 * Replay: from the choices of a recipe to everything that a person wants to see of a trace.
 *
 * Nothing is taken on trust. Each step must be enabled, take exactly the recorded choices and carry the recorded label,
 * and the promise must be broken at the end; the first thing that differs is reported with its likely cause.
 */
import { match } from "ts-pattern";
import {
  TRACE_FORMAT, TRACE_VERSION, type PropertyRef, type ReplayedTrace, type Trace, type TraceRow, type TraceStep,
  type Patch,
} from "../result.ts";
import { STEP_DISABLED, type Explanation, type NamedValue, type TransitionSystem } from "../system.ts";
import { StepFault } from "../fault.ts";
import { labelByte, type Recipe, type RecipeStep } from "./recipe.ts";
import { placeOf, shortPath } from "../error-sentence.ts";
import { faultOf } from "../search/candidate.ts";
import { confirmRun, seenState, type SeenState } from "../search/liveness/confirm.ts";
import { END_STAYS_REACHABLE } from "../search/traps/goals.ts";
import { spinFrom } from "../search/traps/spin.ts";
import { whoWaits } from "../search/waiting.ts";

/** The program that a recipe is replayed on. */
export interface ReplaySubject {
  readonly system: TransitionSystem;
  readonly scenario: string;
  /** Hash of everything that decides behaviour; empty when unknown. */
  readonly programHash: string;
  /** The policy that the scenario names. */
  readonly policy?: string | undefined;
  readonly config: Readonly<Record<string, unknown>>;
  /** The patch under which the program was loaded. */
  readonly patch: Patch | null;
}

/** How a step went wrong. Anything that is not a StepFault is an exception in the program under check. */
interface Fault {
  readonly rule: string;
  readonly message: string;
  readonly source: string | null;
}

/** The recipe does not fit the program. */
export class ReplayMismatch extends Error {
  /** 1 is the first step; 0 means the initial state; one more than the trace has means its end. */
  readonly step: number;
  constructor(step: number, message: string) {
    super(message);
    this.name = "ReplayMismatch";
    this.step = step;
  }
}

/** Runs the recipe. Throws a ReplayMismatch that names the first step that does not apply and the likely cause. */
export function replay(subject: ReplaySubject, recipe: Recipe): ReplayedTrace {
  return new Replayer(subject, recipe).run();
}

/**
 * The same for a run that need not break anything: its steps are held to the recipe, and its end to nothing. The last step may
 * go wrong, and the message then says how. Throws a ReplayMismatch as `replay` does.
 */
export function follow(subject: ReplaySubject, recipe: Omit<Recipe, "property">): ReplayedTrace {
  return new Replayer(subject, { ...recipe, property: { kind: "fault", name: "" } }).run(false);
}

/** The trace of a finding, complete with labels and actor names. Throws a ReplayMismatch when the finding cannot be reproduced. */
export function toTrace(subject: ReplaySubject, recipe: Recipe): Trace {
  return replay(subject, recipe).trace;
}

const isPrefix = (a: string, b: string): boolean => a.startsWith(b) || b.startsWith(a);
const sameNumbers = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

class Replayer {
  readonly #subject: ReplaySubject;
  readonly #system: TransitionSystem;
  readonly #recipe: Recipe;
  readonly #rows: TraceRow[] = [];
  readonly #steps: TraceStep[] = [];
  #values: NamedValue[] = [];
  #before: Int32Array | null = null;
  #fault: Fault | null = null;
  /** The states of a run with a loop. */
  readonly #seen: SeenState[] = [];
  /** Who goes round in a trap or a loop, and who waits there. */
  #waiting: readonly string[] = [];

  constructor(subject: ReplaySubject, recipe: Recipe) {
    this.#subject = subject;
    this.#system = subject.system;
    this.#recipe = recipe;
  }

  /** `confirm`: hold the end to the promise that the trace says it breaks. */
  run(confirm = true): ReplayedTrace {
    const recipe = this.#recipe;
    this.#start();
    const initial = this.#values;
    recipe.steps.forEach((step, i) => this.#take(step, i + 1));
    const { message, explanation } = confirm ? withThrown(recipe.property, this.#confirm(recipe.property)) : this.#asItIs();
    const { scenario, programHash, config, policy, patch } = this.#subject;
    const trace: Trace = {
      format: TRACE_FORMAT, version: TRACE_VERSION, scenario, programHash, config, policy: policy ?? null, patch, memoryModel: "sc",
      seed: recipe.seed, property: recipe.property, initial: recipe.initial, steps: this.#steps, loop: recipe.loop,
    };
    return {
      trace, actors: this.#system.actors.map((a) => a.name), initial, rows: this.#rows, property: recipe.property, message, explanation,
      waiting: recipe.property.kind === "deadlock" ? whoWaits(this.#system) : this.#waiting,
    };
  }

  #start(): void {
    const system = this.#system;
    const faultExpected = this.#recipe.property.kind === "fault" && this.#recipe.steps.length === 0;
    this.#attempt(0, "the initial state", faultExpected, () => {
      system.setBranch(this.#recipe.initial);
      system.init();
    });
    this.#compareChoices(0, "the initial state", this.#recipe.initial);
    if (this.#fault === null && system.isInitial?.() === false) {
      this.#mismatch(0, "the scenario's initially is not true of the initial state");
    }
    this.#values = system.values();
    this.#see();
    this.#rows.push({
      index: 0, actor: null, label: null, choices: system.branchNames(), source: null, changes: [], statistics: [], switchReason: null,
    });
  }

  #take(step: RecipeStep, number: number): void {
    const system = this.#system;
    const { actor, info } = this.#actorOf(step, number);
    const position = system.position(actor);
    const switchReason = this.#switchTo(actor);
    const before = system.vector.slice(0, system.stateWords);
    const last = number === this.#recipe.steps.length;
    const what = `${info.name}${position.label === null ? "" : ` at ${JSON.stringify(position.label)}`}`;
    const result = this.#attempt(number, what, last && this.#recipe.property.kind === "fault", () => {
      system.setBranch(step.choices);
      return system.step(actor);
    });
    if (result === STEP_DISABLED) {
      const isElsewhere = position.label === null && position.stack.length === 0;
      this.#mismatch(number, isElsewhere ? `${info.name} cannot move here` : `${what} cannot move here: ${whyStuck(position)}`);
    }
    // The step of a hand-written model that goes wrong has not said its label: the actor's name stands for it.
    const isUnnamed = this.#fault !== null && position.label === null;
    const label = this.#fault === null ? system.label() : position.label ?? info.name;
    if (!isUnnamed && !labelFits(step.label, label)) {
      const recorded = typeof step.label === "string" ? `the trace has ${JSON.stringify(step.label)}` : "and the trace has another";
      this.#mismatch(number, `${info.name} takes the step ${JSON.stringify(label)}, ${recorded}`);
    }
    this.#compareChoices(number, what, step.choices);
    const values = system.values();
    this.#rows.push({
      index: number, actor: info.name, label, choices: system.branchNames(), source: position.stack[0] ?? null,
      changes: changes(this.#values, values), statistics: counted(system.statistics()), switchReason,
    });
    this.#steps.push({ actor: info.name, label, choices: step.choices });
    this.#see();
    this.#values = values;
    this.#before = before;
  }

  #actorOf(step: RecipeStep, number: number): { readonly actor: number; readonly info: TransitionSystem["actors"][number] } {
    const { actors } = this.#system;
    const actor = typeof step.actor === "number" ? step.actor : actors.findIndex((a) => a.name === step.actor);
    const info = actors[actor];
    if (info !== undefined) return { actor, info };
    const called = typeof step.actor === "number" ? `number ${step.actor}` : JSON.stringify(step.actor);
    this.#mismatch(number, `the scenario has no thread ${called}`);
  }

  /** `what` took the choices that the system now has. */
  #compareChoices(step: number, what: string, recorded: readonly number[]): void {
    const taken = this.#system.branch();
    if (sameNumbers(taken, recorded)) return;
    this.#mismatch(step, `${what} takes the choices [${taken.join(", ")}], the trace has [${recorded.join(", ")}]`);
  }

  /** Why `actor` runs now and not the actor that ran last; null when it is the same one, or the first. */
  #switchTo(actor: number): string | null {
    const last = this.#rows.at(-1)?.actor ?? null;
    if (last === null) return null;
    const previous = this.#system.actors.findIndex((a) => a.name === last);
    if (previous === actor) return null;
    if (canMove(this.#system, previous)) return `${last} is preempted`;
    const { label, waitsFor, ended } = this.#system.position(previous);
    if (waitsFor !== null) return `${last} waits for ${waitsFor.lock}${heldBy(waitsFor.holders)}`;
    const rests = this.#system.atRest(previous);
    // An actor of a hand-written model never ends: it cannot move, until its turn comes.
    if (label === null) return rests && ended !== false ? `${last} has ended` : `${last} cannot move`;
    return `${last} ${rests ? "rests" : "waits"} at ${JSON.stringify(label)}`;
  }

  /** Runs one piece of the program. Its fault is kept if the trace ends with one, and is a mismatch if it does not. */
  #attempt<T>(step: number, what: string, faultExpected: boolean, run: () => T): T | null {
    try {
      return run();
    } catch (e) {
      const { name: rule, message } = faultOf(e);
      if (!faultExpected) this.#mismatch(step, `${what} goes wrong (${rule}: ${message}), which the trace does not say`);
      this.#fault = { rule, message, source: e instanceof StepFault && e.source !== null ? e.source : placeOf(e) };
      return null;
    }
  }

  #asItIs(): Confirmation {
    return { message: this.#fault === null ? "" : `${this.#fault.rule}: ${this.#fault.message}`, explanation: null };
  }

  /** Holds the last state against the promise that the trace claims to break. */
  #confirm(property: PropertyRef): Confirmation {
    const system = this.#system;
    const name = JSON.stringify(property.name);
    return match(property.kind)
      .with("always", () => ({
        explanation: this.#broken("always", system.always, system.checkState()),
        message: `${name} must hold in every state, and does not hold in the last one`,
      }))
      .with("step", () => ({
        explanation: this.#broken("step", system.stepProperties, this.#before === null ? -1 : system.checkStep(this.#before)),
        message: `${name} must hold of every step, and does not hold of the last one`,
      }))
      .with("finally", () => {
        const stuck = this.#stuckAtEnd("no end state");
        const who = `${stuck.join(", ")} ${stuck.length === 1 ? "waits" : "wait"}`;
        if (stuck.length > 0) this.#unconfirmed(`the last state is no end state: ${who}`);
        if (this.#system.isBeyond?.() === true) this.#unconfirmed("the last state is beyond the scenario's within");
        const explanation = this.#broken("finally", system.finally, system.checkEnd());
        return { explanation, message: `${name} must hold when every thread has ended or rests, and does not` };
      })
      .with("deadlock", () => {
        const stuck = this.#stuckAtEnd("no deadlock");
        if (this.#system.isBeyond?.() === true) this.#unconfirmed("the last state is beyond the scenario's within");
        if (this.#system.deadlockIsFine === true) this.#unconfirmed("the scenario says that a deadlock is fine");
        if (stuck.length === 0) this.#unconfirmed("the last state is no deadlock: every thread has ended or rests");
        const who = `${stuck.join(", ")} ${stuck.length === 1 ? "has" : "have"}`;
        return { explanation: null, message: `deadlock: no thread can move, and ${who} not ended` };
      })
      .with("eventually", "leadsTo", "alwaysEventually", "eventuallyAlways", "progress", () => (
        { explanation: null, message: this.#confirmRun(property) }))
      .with("recurring", () => ({ explanation: null, message: this.#confirmTrap(property.name) }))
      .with("fault", () => this.#confirmFault(name))
      .with("sometimes", () => this.#mismatch(this.#end, "a witness that is never reached has no trace"))
      .exhaustive();
  }

  /** One more than the trace has steps: what is wrong there is wrong with its end. */
  get #end(): number {
    return this.#recipe.steps.length + 1;
  }

  #unconfirmed(what: string): never {
    this.#mismatch(this.#end, `every step applies, but ${what}`);
  }

  /** Why the promise that the trace names does not hold, `index` being the first one that does not; a mismatch if it does. */
  #broken(kind: "always" | "step" | "finally", names: readonly string[], index: number): Explanation | null {
    const wanted = this.#recipe.property.name;
    const before = kind === "step" ? this.#before : null;
    if (index < 0) this.#unconfirmed(`${JSON.stringify(wanted)} is not broken at the end`);
    const named = names.indexOf(wanted);
    if (named !== index && (named < 0 || !this.#system.isBroken(kind, named, before))) {
      this.#unconfirmed(`the promise broken at the end is ${JSON.stringify(names[index])}, not ${JSON.stringify(wanted)}`);
    }
    return this.#system.explain(kind, named, before);
  }

  /** The last state must be one from which no goal of the promise can be reached. */
  #confirmTrap(name: string): string {
    const what = name === END_STAYS_REACHABLE ? "an end" : `a state that shows ${JSON.stringify(name)}`;
    const { escapes, sentences } = spinFrom(this.#system, name);
    if (escapes) this.#unconfirmed(`${what} can be reached from the last state`);
    this.#waiting = sentences;
    return `${what} must stay reachable from every state, and cannot be reached from the last one`;
  }

  /** The trace must be a fair run that breaks the promise. */
  #confirmRun({ kind, name }: PropertyRef): string {
    const system = this.#system;
    const { loop, steps } = this.#recipe;
    const promise = system.liveness?.promises.find((p) => p.name === name && p.kind === kind);
    if (promise === undefined) this.#unconfirmed(`the scenario has no promise ${JSON.stringify(name)} of this kind`);
    if (loop === null || loop > steps.length) this.#unconfirmed("it has no loop");
    const actors = steps.map((step, i) => this.#actorOf(step, i + 1).actor);
    const run = { states: this.#seen, actors, loop, isBeyond: system.isBeyond?.() === true };
    const confirmed = confirmRun(system, promise, run);
    if ("problem" in confirmed) this.#unconfirmed(confirmed.problem);
    this.#waiting = confirmed.sentences;
    return confirmed.message;
  }

  /** What is kept of a state for the promise that the trace breaks. */
  #see(): void {
    if (this.#recipe.loop !== null && this.#system.liveness !== undefined && this.#fault === null) this.#seen.push(seenState(this.#system));
  }

  /** `wanted`: the rule that the trace names, in quotes. */
  #confirmFault(wanted: string): Confirmation {
    const fault = this.#fault;
    if (fault === null) this.#unconfirmed("the last one does not go wrong");
    const { rule, message, source } = fault;
    if (JSON.stringify(rule) !== wanted) {
      this.#mismatch(this.#end - 1, `the last step breaks the rule ${JSON.stringify(rule)} (${message}), not ${wanted}`);
    }
    return { explanation: null, message: `${rule}: ${message}${source === null ? "" : ` (${shortPath(source)})`}` };
  }

  /** The actors that are not at rest in the last state, in which none must be able to move: else it is what `wrong` says. */
  #stuckAtEnd(wrong: string): string[] {
    const system = this.#system;
    const mover = system.actors.findIndex((_, a) => canMove(system, a));
    if (mover >= 0) this.#unconfirmed(`the last state is ${wrong}: ${system.actors[mover]!.name} can move`);
    return system.actors.filter((_, a) => !system.atRest(a)).map((a) => a.name);
  }

  #mismatch(step: number, what: string): never {
    const cause = causeOfMismatch(this.#recipe.programHash, this.#subject.programHash);
    throw new ReplayMismatch(step, `${placeOfMismatch(step, this.#recipe.steps.length)}: ${what}. ${cause}`);
  }
}

/** The message of a broken promise, and its explanation where it has one. */
interface Confirmation {
  readonly message: string;
  readonly explanation: Explanation | null;
}

/** A promise that throws has no value that could be false: the sentence says what it throws. */
function withThrown({ name }: PropertyRef, confirmed: Confirmation): Confirmation {
  const thrown = confirmed.explanation?.throws;
  return thrown === undefined ? confirmed : { ...confirmed, message: `${JSON.stringify(name)} throws at the end: ${thrown}` };
}

function placeOfMismatch(step: number, steps: number): string {
  if (step === 0) return "the trace does not apply from its start";
  return step > steps ? "the trace no longer shows a violation" : `the trace does not apply from step ${step} of ${steps} on`;
}

/** The likely cause, given the hash that the trace was recorded with and today's; either may be empty: unknown. */
function causeOfMismatch(recorded: string, now: string): string {
  if (recorded === "" || now === "") return "The program has probably changed since the trace was recorded.";
  if (isPrefix(now, recorded)) {
    return "The program is the one that the trace was recorded from, so it is not deterministic: " +
      "look for Math.random, Date, or a variable outside the state vector.";
  }
  const hashes = `${recorded.slice(0, 12)}, now ${now.slice(0, 12)}`;
  return `The trace was recorded from another version of the program (${hashes}): check the scenario again for a new trace.`;
}

/** Whether the actor could take a step from `system.vector`, which is left as it was. A step that goes wrong is a step. */
export function canMove(system: TransitionSystem, actor: number): boolean {
  const saved = system.vector.slice();
  try {
    system.setBranch([]);
    return system.step(actor) !== STEP_DISABLED;
  } catch {
    return true;
  } finally {
    system.vector.set(saved);
    system.setBranch([]);
  }
}

function labelFits(recorded: RecipeStep["label"], label: string): boolean {
  if (recorded === null) return true;
  return typeof recorded === "number" ? recorded === labelByte(label) : recorded === label;
}

export const heldBy = (holders: readonly string[]): string => (holders.length === 0 ? "" : ` held by ${holders.join(" and ")}`);

function whyStuck({ label, waitsFor }: ReturnType<TransitionSystem["position"]>): string {
  if (waitsFor !== null) return `it waits for ${waitsFor.lock}${heldBy(waitsFor.holders)}`;
  return label === null ? "it has ended" : "its guard is false";
}

function changes(before: readonly NamedValue[], after: readonly NamedValue[]): TraceRow["changes"] {
  const old = new Map(before.map((v) => [v.name, v.value]));
  const fresh = new Set(after.map((v) => v.name));
  const changed = after
    .filter((v) => old.get(v.name) !== v.value)
    .map((v) => ({ name: v.name, before: old.get(v.name) ?? "", after: v.value }));
  // A local that ended with its frame has no value any more.
  const gone = before.filter((v) => !fresh.has(v.name)).map((v) => ({ name: v.name, before: v.value, after: "" }));
  return [...changed, ...gone];
}

/** What a step counted: of hundreds of statistics, the few that are not zero. */
const counted = (statistics: readonly NamedValue[]): NamedValue[] => statistics.filter((s) => s.value !== "0");
