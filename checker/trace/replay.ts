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
import { STEP_DISABLED, type Explanation, type NamedValue, type SourceFrame, type TransitionSystem } from "../system.ts";
import { StepFault } from "../fault.ts";
import { labelByte, type Recipe, type RecipeStep } from "./recipe.ts";
import { placeOf, shortPath } from "../error-sentence.ts";
import { faultOf } from "../search/candidate.ts";
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

  constructor(subject: ReplaySubject, recipe: Recipe) {
    this.#subject = subject;
    this.#system = subject.system;
    this.#recipe = recipe;
  }

  run(): ReplayedTrace {
    const recipe = this.#recipe;
    this.#start();
    const initial = this.#values;
    recipe.steps.forEach((step, i) => this.#take(step, i + 1));
    const { message, explanation } = this.#confirm(recipe.property);
    const { scenario, programHash, config, policy, patch } = this.#subject;
    const trace: Trace = {
      format: TRACE_FORMAT, version: TRACE_VERSION, scenario, programHash, config, policy: policy ?? null, patch, memoryModel: "sc",
      seed: recipe.seed, property: recipe.property, initial: recipe.initial, steps: this.#steps, loop: recipe.loop,
    };
    return {
      trace, actors: this.#system.actors.map((a) => a.name), initial, rows: this.#rows, property: recipe.property, message, explanation,
      waiting: recipe.property.kind === "deadlock" ? whoWaits(this.#system) : [],
    };
  }

  #start(): void {
    const system = this.#system;
    const faultExpected = this.#recipe.property.kind === "fault" && this.#recipe.steps.length === 0;
    this.#attempt(0, "the initial state", faultExpected, () => {
      system.setBranch(this.#recipe.initial);
      system.init();
    });
    if (!sameNumbers(system.branch(), this.#recipe.initial)) this.#mismatch(0, `the initial state takes the choices [${system.branch().join(", ")}], the trace has [${this.#recipe.initial.join(", ")}]`);
    this.#values = system.values();
    this.#rows.push({ index: 0, actor: null, label: null, choices: system.branchNames(), source: null, changes: [], statistics: [], switchReason: null });
  }

  #take(step: RecipeStep, number: number): void {
    const system = this.#system;
    const actor = typeof step.actor === "number" ? step.actor : system.actors.findIndex((a) => a.name === step.actor);
    const info = system.actors[actor];
    if (info === undefined) this.#mismatch(number, `the scenario has no thread ${typeof step.actor === "number" ? `number ${step.actor}` : JSON.stringify(step.actor)}`);
    const position = system.position(actor);
    const switchReason = this.#switchTo(actor);
    const before = system.vector.slice(0, system.stateWords);
    const last = number === this.#recipe.steps.length;
    const what = `${info.name}${position.label === null ? "" : ` at ${JSON.stringify(position.label)}`}`;
    const result = this.#attempt(number, what, last && this.#recipe.property.kind === "fault", () => {
      system.setBranch(step.choices);
      return system.step(actor);
    });
    if (result === STEP_DISABLED) this.#mismatch(number, position.label === null && position.stack.length === 0 ? `${info.name} cannot move here` : `${what} cannot move here: ${whyStuck(position)}`);
    const label = this.#fault !== null ? position.label ?? system.label() : system.label();
    if (!labelFits(step.label, label)) this.#mismatch(number, typeof step.label === "string" ? `${info.name} takes the step ${JSON.stringify(label)}, the trace has ${JSON.stringify(step.label)}` : `${info.name} takes the step ${JSON.stringify(label)}, and the trace has another`);
    if (!sameNumbers(system.branch(), step.choices)) this.#mismatch(number, `${what} takes the choices [${system.branch().join(", ")}], the trace has [${step.choices.join(", ")}]`);
    const values = system.values();
    this.#rows.push({
      index: number, actor: info.name, label, choices: system.branchNames(), source: position.stack[0] ?? null,
      changes: changes(this.#values, values), statistics: system.statistics(), switchReason,
    });
    this.#steps.push({ actor: info.name, label, choices: step.choices });
    this.#values = values;
    this.#before = before;
  }

  /** Why `actor` runs now and not the actor that ran last; null when it is the same one, or the first. */
  #switchTo(actor: number): string | null {
    const last = this.#rows.at(-1)?.actor ?? null;
    if (last === null) return null;
    const previous = this.#system.actors.findIndex((a) => a.name === last);
    if (previous === actor) return null;
    if (canMove(this.#system, previous)) return `${last} is preempted`;
    const position = this.#system.position(previous);
    if (position.waitsFor !== null) return `${last} waits for ${position.waitsFor.lock}${heldBy(position.waitsFor.holders)}`;
    if (this.#system.atRest(previous)) return position.label === null ? `${last} has ended` : `${last} rests at ${JSON.stringify(position.label)}`;
    return position.label === null ? `${last} cannot move` : `${last} waits at ${JSON.stringify(position.label)}`;
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

  /** Holds the last state against the promise that the trace claims to break. */
  #confirm(property: PropertyRef): { message: string; explanation: Explanation | null } {
    const system = this.#system;
    const end = this.#recipe.steps.length + 1;
    const broken = (kind: "always" | "step" | "finally", names: readonly string[], index: number): Explanation | null => {
      if (index < 0) this.#mismatch(end, `every step applies, but ${JSON.stringify(property.name)} is not broken at the end`);
      if (names[index] !== property.name) this.#mismatch(end, `every step applies, but the promise broken at the end is ${JSON.stringify(names[index])}, not ${JSON.stringify(property.name)}`);
      return system.explain(kind, index, kind === "step" ? this.#before : null);
    };
    const name = JSON.stringify(property.name);
    return match(property.kind)
      .with("always", () => ({ explanation: broken("always", system.always, system.checkState()), message: `${name} must hold in every state, and does not hold in the last one` }))
      .with("step", () => ({
        explanation: broken("step", system.stepProperties, this.#before === null ? -1 : system.checkStep(this.#before)),
        message: `${name} must hold of every step, and does not hold of the last one`,
      }))
      .with("finally", () => {
        const stuck = this.#stuckAtEnd("no end state");
        if (stuck.length > 0) this.#mismatch(end, `every step applies, but the last state is no end state: ${stuck.join(", ")} ${stuck.length === 1 ? "waits" : "wait"}`);
        return { explanation: broken("finally", system.finally, system.checkEnd()), message: `${name} must hold when every thread has ended or rests, and does not` };
      })
      .with("deadlock", () => {
        const stuck = this.#stuckAtEnd("no deadlock");
        if (stuck.length === 0) this.#mismatch(end, "every step applies, but the last state is no deadlock: every thread has ended or rests");
        return { explanation: null, message: `deadlock: no thread can move, and ${stuck.join(", ")} ${stuck.length === 1 ? "has" : "have"} not ended` };
      })
      .with("fault", () => {
        const fault = this.#fault;
        if (fault === null) this.#mismatch(end, "every step applies, but the last one does not go wrong");
        if (fault.rule !== property.name) this.#mismatch(end - 1, `the last step breaks the rule ${JSON.stringify(fault.rule)} (${fault.message}), not ${name}`);
        return { explanation: null, message: `${fault.rule}: ${fault.message}${fault.source === null ? "" : ` (${shortPath(fault.source)})`}` };
      })
      .with("sometimes", () => this.#mismatch(end, "a witness that is never reached has no trace"))
      .exhaustive();
  }

  /** The actors that are not at rest in the last state, in which none must be able to move: else it is what `wrong` says. */
  #stuckAtEnd(wrong: string): string[] {
    const system = this.#system;
    const mover = system.actors.findIndex((_, a) => canMove(system, a));
    if (mover >= 0) this.#mismatch(this.#recipe.steps.length + 1, `every step applies, but the last state is ${wrong}: ${system.actors[mover]!.name} can move`);
    return system.actors.filter((_, a) => !system.atRest(a)).map((a) => a.name);
  }

  #mismatch(step: number, what: string): never {
    const { programHash } = this.#subject;
    const recorded = this.#recipe.programHash;
    const known = recorded !== "" && programHash !== "";
    const short = (hash: string): string => hash.slice(0, 12);
    const cause =
      !known ? "The program has probably changed since the trace was recorded."
      : isPrefix(programHash, recorded) ? "The program is the one that the trace was recorded from, so it is not deterministic: look for Math.random, Date, or a variable outside the state vector."
      : `The trace was recorded from another version of the program (${short(recorded)}, now ${short(programHash)}): check the scenario again for a new trace.`;
    const where =
      step === 0 ? "the trace does not apply from its start"
      : step > this.#recipe.steps.length ? "the trace no longer shows a violation"
      : `the trace does not apply from step ${step} of ${this.#recipe.steps.length} on`;
    throw new ReplayMismatch(step, `${where}: ${what}. ${cause}`);
  }
}

/** Whether the actor could take a step from `system.vector`, which is left as it was. A step that goes wrong is a step. */
function canMove(system: TransitionSystem, actor: number): boolean {
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

function whyStuck(position: { readonly label: string | null; readonly waitsFor: { readonly lock: string; readonly holders: readonly string[] } | null; readonly stack: readonly SourceFrame[] }): string {
  if (position.waitsFor !== null) return `it waits for ${position.waitsFor.lock}${heldBy(position.waitsFor.holders)}`;
  return position.label === null ? "it has ended" : "its guard is false";
}

function changes(before: readonly NamedValue[], after: readonly NamedValue[]): TraceRow["changes"] {
  const old = new Map(before.map((v) => [v.name, v.value]));
  const fresh = new Set(after.map((v) => v.name));
  const changed = after.filter((v) => old.get(v.name) !== v.value).map((v) => ({ name: v.name, before: old.get(v.name) ?? "", after: v.value }));
  // A local that ended with its frame has no value any more.
  const gone = before.filter((v) => !fresh.has(v.name)).map((v) => ({ name: v.name, before: v.value, after: "" }));
  return [...changed, ...gone];
}
