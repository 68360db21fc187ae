/**
 * One program under one schedule, run as plain generators and by every variant of the compiled code: after each step
 * they must agree in everything that can be seen from outside.
 *
 * The compiled runs are disturbed between steps (other actors tried and taken back, the next branch taken and taken
 * back), as a search does: what the vector does not hold is lost, and shows.
 */
import assert from "node:assert/strict";
import type { CompiledSystem } from "../../../checker/image/compiled-system.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { StraightLine } from "../../../checker/compile/straight-line.ts";
import type { LayoutPlan } from "../../../checker/program/layout.ts";
import { LockTable } from "../../../checker/program/locks.ts";
import { NativeRun, nextChoices, runAlone, WaitsForever, type Choice, type Chooser,
  type StraightLineRun } from "../../../checker/compile/native.ts";
import { READ, READ_ONCE, type StepObserver } from "../../../checker/program/observer.ts";
import { positionOf, StateBytes } from "../../../checker/program/world.ts";
import type { ProgramScenario } from "../../../checker/scenario.ts";
import { STEP_DISABLED } from "../../../checker/system.ts";
import { StepFault } from "../../../checker/fault.ts";
import type { ScheduleEntry } from "./random-programs.ts";

const MAX_STEPS = 60;

/** What a run shows of one attempt to move: "disabled", "taken", or the rule that a fault broke. */
type Outcome = string;

function outcomeOf(attempt: () => Outcome): Outcome {
  try {
    return attempt();
  } catch (e) {
    if (e instanceof StepFault) return `fault: ${e.rule}`;
    throw e;
  }
}

/** Notes what a step reports, to be held against what it changed. */
class Recorder implements StepObserver {
  readonly written: { readonly field: number; readonly i: number; readonly j: number }[] = [];
  readonly locks = new Set<number>();
  open: { readonly actor: number; readonly label: string } | null = null;
  ended = false;
  begin(): void {
    this.written.length = 0;
    this.locks.clear();
    this.open = null;
    this.ended = false;
  }
  beginStep(actor: number, label: string): void { this.open = { actor, label }; }
  access(field: number, i: number, j: number, mode: number): void {
    if (mode !== READ && mode !== READ_ONCE) this.written.push({ field, i, j });
  }
  acquireFailed(): void {}
  acquire(lock: number): void { this.locks.add(lock); }
  release(lock: number): void { this.locks.add(lock); }
  endStep(): void { this.ended = true; }
}

export interface Variant {
  readonly name: string;
  readonly system: CompiledSystem;
  readonly bytes: StateBytes;
  readonly recorder: Recorder | null;
}

/** Every variant of the compiled program. Throws CompileError. */
export function compileVariants(scenario: ProgramScenario): Variant[] {
  const recorder = new Recorder();
  const variants: [string, Recorder | null, CompiledSystem][] = [
    ["compiled", null, compileScenario(scenario, { clearDeadLocals: true }).system],
    ["compiled, dead locals kept", null, compileScenario(scenario, { clearDeadLocals: false }).system],
    ["instrumented", recorder, compileScenario(scenario, { variant: "instrumented", observer: recorder }).system],
  ];
  return variants.map(([name, r, system]) => ({ name, recorder: r, system, bytes: new StateBytes(system.vector.buffer) }));
}

/** Every field, statistic and lock of a state by name, so that a difference names its place. */
function memory(plan: LayoutPlan, bytes: StateBytes, statisticBase: number): Map<string, number> {
  const locks = new LockTable(plan, bytes);
  const cells = new Map<string, number>();
  for (const f of plan.fields) {
    if (f.lockBase >= 0) continue;
    for (let i = 0; i < f.count; i++) {
      for (let j = 0; j < (f.length ?? 1); j++) cells.set(`${f.path}/${i}/${j}`, bytes.raw(f, positionOf(f, statisticBase, i, j)));
    }
  }
  for (const l of plan.locks) {
    cells.set(`holder/${l.id}`, locks.holder(l));
    cells.set(`readers/${l.id}`, locks.readers(l));
    cells.set(`waiters/${l.id}`, locks.waiters(l));
  }
  return cells;
}

const scripted = (answers: readonly number[]): Chooser => {
  let next = 0;
  return (_, n) => (answers[next++] ?? 0) % n;
};
const namesOf = (choices: readonly Choice[]): string[] => choices
  .map((c) => (c.option === undefined ? `${c.name}=${c.value}` : `${c.name} = ${c.option}`));

/** A thread that rests while it holds a lock is not at rest. */
const holdsLock = (run: NativeRun, actor: number): boolean => new LockTable(run.plan, run.bytes).heldBy(actor).length > 0;

/** Throws an AssertionError that names variant, step and difference. Returns the number of steps compared. */
export function compareRuns(scenario: ProgramScenario, schedule: readonly ScheduleEntry[],
  variants: readonly Variant[] = compileVariants(scenario)): number {
  let native: NativeRun | undefined;
  const initialChoices: Choice[] = [];
  const start = outcomeOf(() => {
    const answer = scripted(schedule[0]!.answers);
    native = new NativeRun(scenario, (name, n) => {
      const value = answer(name, n);
      initialChoices.push({ name, n, value });
      return value;
    });
    return "taken";
  });
  for (const v of variants) {
    v.system.setBranch(initialChoices.map((c) => c.value));
    assert.equal(outcomeOf(() => { v.system.init(); return "taken"; }), start, `${v.name}: init`);
    assert.deepEqual(v.system.branchNames(), namesOf(initialChoices), `${v.name}: choices of init`);
    v.system.setBranch([]);
  }
  if (native === undefined) return 0;
  const run = native;
  const actors = run.actors.map((_, a) => a);
  for (const v of variants) {
    assert.deepEqual(memory(run.plan, v.bytes, v.system.stateWords * 4), memory(run.plan, run.bytes, run.statisticBase),
      `${v.name}: after init`);
  }

  for (let steps = 0; ; steps++) {
    const labels = actors.map((a) => run.label(a));
    const able = actors.map((a) => outcomeOf(() => (run.enabled(a) ? "enabled" : "disabled")));
    for (const v of variants) {
      assert.deepEqual(actors.map((a) => v.system.position(a).label), labels, `${v.name}: labels after ${steps} steps`);
      assert.deepEqual(actors.map((a) => v.system.atRest(a)),
        actors.map((a) => run.done(a) || ((run.point(a)?.idle ?? false) && !holdsLock(run, a))),
        `${v.name}: who rests after ${steps} steps`);
      const here = v.system.vector.slice();
      for (const a of actors) {
        v.system.setBranch([]);
        const outcome = outcomeOf(() => (v.system.step(a) === STEP_DISABLED ? "disabled" : "taken"));
        if (able[a] === "disabled") {
          assert.equal(outcome, "disabled", `${v.name}: actor ${a} after ${steps} steps`);
          assert.deepEqual(v.system.vector.subarray(0, v.system.stateWords), here.subarray(0, v.system.stateWords),
            `${v.name}: a step that is not enabled changes nothing`);
        } else assert.notEqual(outcome, "disabled", `${v.name}: actor ${a} after ${steps} steps`);
        v.system.vector.set(here);
      }
    }
    const movable = actors.filter((a) => able[a] !== "disabled");
    const entry = schedule[steps % schedule.length]!;
    const actor = movable[entry.actor % (movable.length || 1)];
    if (actor === undefined || steps >= MAX_STEPS) return steps;

    const before = memory(run.plan, run.bytes, run.statisticBase);
    const outcome = outcomeOf(() => run.step(actor, scripted(entry.answers)));
    const { choices } = run;
    const after = memory(run.plan, run.bytes, run.statisticBase);
    for (const v of variants) {
      const what: string =
        `${v.name}: step ${steps + 1} (${run.actors[actor]}: ${labels[actor]}; choices ${namesOf(choices).join(" ") || "none"})`;
      const { system } = v;
      const parent = system.vector.slice();
      v.recorder?.begin();
      system.setBranch(choices.map((c) => c.value));
      assert.equal(outcomeOf(() => (system.step(actor) === STEP_DISABLED ? "disabled" : "taken")), outcome, what);
      if (outcome !== "taken") continue;
      assert.deepEqual(memory(run.plan, v.bytes, system.stateWords * 4), after, `${what}: memory`);
      assert.deepEqual(system.branchNames(), namesOf(choices), `${what}: choices`);
      assert.equal(system.label(), labels[actor], `${what}: label`);
      if (v.recorder !== null) checkReports(v.recorder, actor, labels[actor]!, before, after, run.plan, what);
      checkNextBranch(system, actor, parent, choices, what);
    }
    if (outcome !== "taken") return steps + 1;
  }
}

/**
 * Every change of a step must have been reported, or the sanitizers would be blind to it. Exempt are statistics, which
 * each step first sets to zero, and the queue of a semaphore, in which to wait is not yet to hold.
 */
function checkReports(r: Recorder, actor: number, label: string, before: Map<string, number>, after: Map<string, number>, plan: LayoutPlan,
  what: string): void {
  assert.deepEqual([r.open, r.ended], [{ actor, label }, true], `${what}: begin and end are reported`);
  const statistics = new Set(plan.fields.filter((f) => f.role === "statistic").map((f) => f.path));
  const reported = new Set([...r.locks].flatMap((l) => [`holder/${l}`, `readers/${l}`]));
  for (const { field, i, j } of r.written) reported.add(`${plan.fields[field]!.path}/${i}/${j}`);
  const silent = [...after].filter(([cell, value]) => before.get(cell) !== value).map(([cell]) => cell)
    .filter((cell) => !reported.has(cell) && !cell.startsWith("waiters/") && !statistics.has(cell.split("/")[0]!));
  assert.deepEqual(silent, [], `${what}: changes without a report`);
}

/** The odometer of branches must turn as the numbers of options that the native run saw say. */
function checkNextBranch(system: CompiledSystem, actor: number, parent: Int32Array, choices: readonly Choice[], what: string): void {
  const successor = system.vector.slice();
  const next = nextChoices(choices);
  assert.equal(system.nextBranch(), next !== null, `${what}: another branch`);
  if (next !== null) {
    system.vector.set(parent);
    const outcome = outcomeOf(() => (system.step(actor) === STEP_DISABLED ? "disabled" : "taken"));
    assert.notEqual(outcome, "disabled", `${what}: the next branch`);
    assert.deepEqual(system.branch().slice(0, next.length), next, `${what}: the next branch`);
  }
  system.setBranch([]);
  system.vector.set(successor);
}

/**
 * The first thread run alone to its end, natively and by the straight-line lowering: same result, same memory, same
 * faults. `init` takes the first option of each choice. Returns whether the thread ended.
 */
export function compareStraightLine(scenario: ProgramScenario, answers: readonly number[]): boolean {
  const chosen: number[] = [];
  let initial = Infinity;
  const waitsOrFaults = (attempt: () => void): Outcome => outcomeOf(() => {
    try {
      attempt();
      return "ended";
    } catch (e) {
      if (e instanceof WaitsForever || (e instanceof StepFault && /wait forever/.test(e.message))) return "waits forever";
      throw e;
    }
  });
  const startNative = waitsOrFaults(() => { initial = new NativeRun(scenario).choices.length; });
  let compiled: StraightLine | undefined;
  const startCompiled = waitsOrFaults(() => { compiled = new StraightLine(scenario); });
  assert.equal(startCompiled, startNative, "straight-line: init");
  if (compiled === undefined) return false;
  const { system } = compiled;

  let native: StraightLineRun | undefined;
  const outcome = waitsOrFaults(() => {
    const thread = scripted(answers);
    let asked = 0;
    native = runAlone(scenario, 0, (name, n) => {
      if (asked++ < initial) return 0;
      const value = thread(name, n);
      chosen.push(value);
      return value;
    });
  });
  let result: unknown;
  assert.equal(waitsOrFaults(() => { result = compiled!.run(0, chosen); }), outcome, "straight-line: how the thread ends");
  if (native === undefined) return false;
  assert.equal(result, native.result, "straight-line: result");
  assert.deepEqual(memory(native.plan, new StateBytes(system.vector.buffer), system.stateWords * 4),
    memory(native.plan, native.bytes, native.statisticBase), "straight-line: memory");
  return true;
}
