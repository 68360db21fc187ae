/**
 * The oracle of the compiler: a scenario run with the plain generators that its author wrote.
 *
 * Nothing is compiled here, so what a step does is what JavaScript does. Compiled code must leave the same struct
 * bytes after every step. The price: a generator can neither be copied nor rewound, so a run only goes forward. To
 * take another branch, make a new `NativeRun` and give it the same steps up to there; `nextChoices` names the branch.
 */
import { isError, thrownInWords } from "../error-sentence.ts";
import type { ProgramScenario } from "../scenario.ts";
import { StepFault } from "../fault.ts";
import { planLayout, type LayoutPlan, type Structs } from "../program/layout.ts";
import { LOCK_TABLE, LockTable } from "../program/locks.ts";
import { SCHEDULER, type Routine, type Scheduler, type YieldPoint } from "../program/routine.ts";
import { makeWorld, StateBytes, writeInitialValues, type World } from "../program/world.ts";

/** One answered `choose`. */
export interface Choice {
  readonly name: string;
  /** How many options there were. */
  readonly n: number;
  /** The option taken, 0..n-1. */
  readonly value: number;
  /** Its name, where the options have names. */
  readonly option?: string;
}

/** Answers `choose(name, n)` with a number in 0..n-1. */
export type Chooser = (name: string, n: number) => number;

/** The caller's choices do not fit the program: a mistake in the script, not a fault of the step. */
export class ChoiceError extends RangeError {
  constructor(message: string) {
    super(message);
    this.name = "ChoiceError";
  }
}

/** Sequentially, a guard that is false stays false: there is nobody else to make it true. */
export class WaitsForever extends Error {
  readonly label: string;
  constructor(thread: string, label: string, reason: string) {
    super(`thread ${thread} would wait forever at "${label}": ${reason}. `
      + "It runs alone here; let init establish what it waits for, or run it with the other threads");
    this.name = "WaitsForever";
    this.label = label;
  }
}

/** Follows `choices`; every `choose` beyond them takes option 0. */
export function followChoices(choices: readonly number[]): Chooser {
  let next = 0;
  return (name, n) => {
    const value = choices[next++] ?? 0;
    if (Number.isInteger(value) && value >= 0 && value < n) return value;
    throw new ChoiceError(`choice ${next} of the script is ${value}, but choose("${name}") has the options 0..${n - 1}; `
      + "the script belongs to another state or another version of the program");
  };
}

/** The script of the branch after the one taken, last choice fastest; null when that was the last branch. */
export function nextChoices(taken: readonly Choice[]): number[] | null {
  for (let i = taken.length - 1; i >= 0; i--) {
    if (taken[i]!.value + 1 < taken[i]!.n) return [...taken.slice(0, i).map((c) => c.value), taken[i]!.value + 1];
  }
  return null;
}

type Activity = { readonly kind: "nothing" | "init" | "guard" } | { readonly kind: "thread"; readonly actor: number };

const NOTHING: Activity = { kind: "nothing" };

/** A routine that has run to its first yield, or to its end. */
interface Started { readonly routine: Routine<unknown>; readonly at: IteratorResult<YieldPoint, unknown> }

/** One state buffer with its world, and the scheduler and locks that the vocabulary looks up in the world. */
class NativeMachine<S extends Structs> implements Scheduler {
  readonly plan: LayoutPlan;
  readonly bytes: StateBytes;
  /** Byte at which the statistics start. */
  readonly statisticBase: number;
  readonly locks: LockTable;
  readonly world: World<S>;
  choices: Choice[] = [];
  #activity: Activity = NOTHING;
  #chooser: Chooser = followChoices([]);

  constructor(scenario: ProgramScenario<S>, chooser: Chooser) {
    this.plan = planLayout(scenario.structs, scenario.threads.length);
    this.statisticBase = Math.ceil(this.plan.stateBytes / 4) * 4;
    this.bytes = new StateBytes(new ArrayBuffer(this.statisticBase + Math.ceil(this.plan.statisticBytes / 4) * 4));
    this.locks = new LockTable(this.plan, this.bytes);
    this.world = Object.assign(makeWorld<S>(this.plan, this.bytes, this.statisticBase), { [SCHEDULER]: this, [LOCK_TABLE]: this.locks });
    writeInitialValues(this.plan, this.bytes, this.statisticBase);
    this.begin(chooser);
    this.during({ kind: "init" }, () => scenario.init?.(this.world));
  }

  get current(): number {
    if (this.#activity.kind === "thread") return this.#activity.actor;
    throw new Error(this.#activity.kind === "init"
      ? "init runs before any thread: current and lock operations have no meaning there"
      : "current and lock operations work only while a routine runs, not in a property or a guard");
  }

  choose(name: string, n: number, options?: readonly string[]): number {
    if (this.#activity.kind === "guard" || this.#activity.kind === "nothing") {
      throw new Error(`choose("${name}"): a property or a guard only looks at a state; choose after the yield instead`);
    }
    const value = this.#chooser(name, n);
    this.choices.push(options === undefined ? { name, n, value } : { name, n, value, option: options[value]! });
    return value;
  }

  /** From here on `choices` records anew what `chooser` answers. */
  begin(chooser: Chooser): void {
    this.choices = [];
    this.#chooser = chooser;
  }

  /** Runs a part of the program; every error it throws leaves here as a StepFault. */
  during<T>(activity: Activity, run: () => T): T {
    this.#activity = activity;
    try {
      return run();
    } catch (error) {
      if (error instanceof StepFault || error instanceof ChoiceError) throw error;
      throw new StepFault("exception", isError(error) ? `${error.name}: ${thrownInWords(error)}` : thrownInWords(error));
    } finally {
      this.#activity = NOTHING;
    }
  }

  /** Runs a thread to its first yield, where it starts: threads must not differ by the order in which they were set up. */
  start(thread: ProgramScenario<S>["threads"][number], actor: number): Started {
    const chosen = this.choices.length;
    const before = this.bytes.u8.slice();
    const started = this.during({ kind: "thread", actor }, () => {
      const routine = thread.run(this.world);
      return { routine, at: routine.next() };
    });
    const touched = Buffer.compare(before, this.bytes.u8) !== 0;
    const misdeed = touched ? "touches the shared state" : this.choices.length !== chosen ? "chooses" : null;
    if (misdeed !== null) {
      throw new StepFault("assertion", `thread ${thread.name} ${misdeed} before its first yield; start it with yield at(...)`);
    }
    return started;
  }

  holds(point: YieldPoint): boolean {
    const { guard } = point;
    if (guard === null) return true;
    const before = this.bytes.u8.slice();
    const holds = this.during({ kind: "guard" }, guard);
    if (Buffer.compare(before, this.bytes.u8) !== 0) {
      throw new StepFault("exception", `the guard of "${point.label}" writes to the state vector; a guard only looks`);
    }
    return holds;
  }

  resume(routine: Routine<unknown>, actor: number, name: string): IteratorResult<YieldPoint, unknown> {
    return this.during({ kind: "thread", actor }, () => {
      const at = routine.next();
      if (at.done === true) this.#checkExit(actor, name);
      return at;
    });
  }

  #checkExit(actor: number, name: string): void {
    const held = this.locks.heldBy(actor);
    if (held.length > 0) {
      throw new StepFault("lock-held-at-exit", `thread ${name} ends while it holds ${held.map((l) => l.name).join(", ")}`);
    }
  }
}

interface NativeThread {
  readonly name: string;
  readonly routine: Routine<unknown>;
  /** null when the thread has ended or died of a fault. */
  point: YieldPoint | null;
  result: unknown;
}

/**
 * One run of a scenario, step by step. Constructing it runs `init` and every thread up to its first yield.
 *
 * A step that goes wrong throws a StepFault and leaves its thread dead; the writes that the step made before the
 * fault stay in the buffer.
 */
export class NativeRun<S extends Structs = Structs> {
  readonly #machine: NativeMachine<S>;
  readonly #threads: NativeThread[];
  readonly #within: (world: World<S>) => boolean;

  /** `choices`: those of `init`. Throws StepFault, ChoiceError. */
  constructor(scenario: ProgramScenario<S>, choices: readonly number[] | Chooser = []) {
    const machine = new NativeMachine(scenario, asChooser(choices));
    this.#machine = machine;
    this.#within = scenario.within ?? (() => true);
    this.#threads = scenario.threads.map((thread, actor) => {
      const { routine, at } = machine.start(thread, actor);
      return { name: thread.name, routine, point: at.done === true ? null : at.value, result: at.done === true ? at.value : undefined };
    });
  }

  get plan(): LayoutPlan { return this.#machine.plan; }
  get bytes(): StateBytes { return this.#machine.bytes; }
  /** Byte at which the statistics start; before it lie `plan.stateBytes` bytes of state. */
  get statisticBase(): number { return this.#machine.statisticBase; }
  get world(): World<S> { return this.#machine.world; }
  get actors(): readonly string[] { return this.#threads.map((t) => t.name); }
  /** What the last step (or the construction) chose, up to its fault if it had one. */
  get choices(): readonly Choice[] { return this.#machine.choices; }

  #thread(actor: number): NativeThread {
    const t = this.#threads[actor];
    if (t === undefined) throw new RangeError(`there is no actor ${actor}; the scenario has ${this.#threads.length}`);
    return t;
  }

  /** Beyond the bound of a search nobody moves. */
  #isWithin(): boolean {
    return this.#machine.during({ kind: "guard" }, () => this.#within(this.world));
  }

  /** Whether the actor can take a step now. Throws StepFault when its guard goes wrong. */
  enabled(actor: number): boolean {
    const { point } = this.#thread(actor);
    return point !== null && this.#isWithin() && this.#machine.holds(point);
  }

  /** Runs the actor to its next yield or its end. Throws StepFault, ChoiceError. */
  step(actor: number, choices: readonly number[] | Chooser = []): "disabled" | "taken" {
    const thread = this.#thread(actor);
    const { point } = thread;
    if (point === null || !this.#isWithin()) return "disabled";
    thread.point = null; // until the step has gone well, the thread counts as dead
    if (!this.#machine.holds(point)) {
      thread.point = point;
      return "disabled";
    }
    this.#machine.bytes.u8.fill(0, this.statisticBase);
    this.#machine.begin(asChooser(choices));
    const at = this.#machine.resume(thread.routine, actor, thread.name);
    if (at.done === true) thread.result = at.value;
    else thread.point = at.value;
    return "taken";
  }

  /** Name of the actor's next step; null when it has ended or died. */
  label(actor: number): string | null { return this.#thread(actor).point?.label ?? null; }
  /** Where the actor stands; null when it has ended or died. */
  point(actor: number): YieldPoint | null { return this.#thread(actor).point; }
  done(actor: number): boolean { return this.#thread(actor).point === null; }
  /** What the actor's routine returned; undefined until it has ended. */
  result(actor: number): unknown { return this.#thread(actor).result; }
}

export interface StraightLineRun {
  readonly plan: LayoutPlan;
  readonly bytes: StateBytes;
  readonly statisticBase: number;
  readonly result: unknown;
  readonly choices: readonly Choice[];
}

/**
 * Runs one thread of the scenario from `init` to its end, alone: the sequential meaning of the same source. Statistics
 * are kept as totals. Throws StepFault, and WaitsForever where a guard is false when it is reached.
 */
export function runAlone<S extends Structs>(
  scenario: ProgramScenario<S>, actor: number, choices: readonly number[] | Chooser = [],
): StraightLineRun {
  const thread = scenario.threads[actor];
  if (thread === undefined) throw new RangeError(`there is no actor ${actor}; scenario ${scenario.name} has ${scenario.threads.length}`);
  const machine = new NativeMachine(scenario, asChooser(choices));
  const started = machine.start(thread, actor);
  let { at } = started;
  while (at.done !== true) {
    const point = at.value;
    if (!machine.holds(point)) {
      throw new WaitsForever(thread.name, point.label,
        point.lock === null ? "the guard is false" : `${machine.locks.lock(point.lock.id).name} is held`);
    }
    at = machine.resume(started.routine, actor, thread.name);
  }
  return { plan: machine.plan, bytes: machine.bytes, statisticBase: machine.statisticBase, result: at.value, choices: machine.choices };
}

function asChooser(choices: readonly number[] | Chooser): Chooser {
  return typeof choices === "function" ? choices : followChoices(choices);
}
