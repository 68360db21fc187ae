/** One compilation: a scenario linked, translated and put together as a program image. */
import * as t from "@babel/types";
import { FUNCTION_HEADER_LINES, type Ask } from "../image/compiled-system.ts";
import type { ProgramImage } from "../image/image.ts";
import { coverageLog } from "../program/coverage-log.ts";
import { planLayout, type LayoutPlan } from "../program/layout.ts";
import type { StepObserver } from "../program/observer.ts";
import type { RefinementPlan } from "../refinement-plan.ts";
import { refinementProperty, type Refinement } from "../refinement.ts";
import { promisesOfRuns, type ModelScenario, type ProgramScenario, type Scenario } from "../scenario.ts";
import { accessSetOf, readSetOf, type AccessSet, type FunctionName } from "./access-sets.ts";
import { affectedFunction } from "./affected.ts";
import { wantedBy } from "./arity.ts";
import { comparison } from "./comparison.ts";
import { CompileError } from "./compile-error.ts";
import { Emitter } from "./emit.ts";
import { generateCode } from "./generate.ts";
import { Linker, type LinkedFunction, type Purpose } from "./link.ts";
import { STEP_ROUNDS_MAX, prelude } from "./prelude.ts";
import { livenessOf } from "./whole-runs.ts";
import { PropertyFunctions } from "./property-functions.ts";
import { EVENT_RECORD, RefinementCompiler, alphabetOf, askMachines } from "./refine.ts";
import type { Place, SourceModule } from "./source-module.ts";
import { Translator } from "./translate.ts";
import { unknownOrigin } from "./unknown-origin.ts";

export interface CompileOptions {
  /** `instrumented` reports each access and lock operation to `observer`; `straight-line` has no yields (`StraightLine`). */
  readonly variant?: "plain" | "instrumented" | "straight-line";
  /** Overrides the scenario's own setting. */
  readonly clearDeadLocals?: boolean;
  readonly observer?: StepObserver;
  /**
   * Count how often each basic block of routines and helpers runs, in all modules or in those of these files; see
   * `CompiledSystem.coverage`. Unless set: whether the process records coverage.
   */
  readonly coverage?: boolean | readonly string[];
  /**
   * Errors that are thrown in the program name lines of its source; unless false: to write the map down takes a third of the
   * compilation.
   */
  readonly sourceMap?: boolean;
  /** Hold each step to the scenario's machines; unless false. Neither the instrumented nor the straight-line variant does. */
  readonly refine?: boolean;
  /** Look at every instance of every machine after each step, not only at those that can have moved: to validate the other. */
  readonly refineAll?: boolean;
}

/** A thread's own routine. */
interface Root {
  readonly routine: string;
  /** First byte of the thread's frames. */
  base: number;
  /** Text of the arguments, each with a comma before it. */
  readonly args: string;
  /** What the evaluation of the arguments declares. */
  readonly temporaries: readonly string[];
  /** Text of what is done when it has ended. */
  readonly ended: string;
}

const WORLDS_GIVEN = ["nothing", "the world alone", "the worlds before and after the step"];

function countsIn(coverage: boolean | readonly string[]): (file: string) => boolean {
  if (typeof coverage === "boolean") return () => coverage;
  const files = new Set(coverage);
  return (file) => files.has(file);
}

const declare = (names: readonly string[]): string => (names.length === 0 ? "" : `let ${names.join(", ")};`);

/** Asked of a program that no machine holds, which never does. */
export const noMachine: Ask = () => {
  throw new Error("[thpcheck internal] a program without machines asks one");
};

/** Throws CompileError for what the subset refuses, Error for a scenario that is not well formed. */
export class Assembly {
  readonly #scenario: Scenario;
  readonly #plan: LayoutPlan;
  readonly #linker: Linker;
  readonly #emitter: Emitter;
  readonly #properties: PropertyFunctions;
  readonly #instrumented: boolean;
  readonly #straight: boolean;
  readonly #actors: readonly { name: string; daemon: boolean }[];
  readonly #refinements: readonly Refinement[];
  readonly #refineAll: boolean;
  readonly #sourceMap: boolean;
  readonly #roots: Root[] = [];
  readonly #modelSteps: { step: string; atRest: string }[] = [];
  readonly #body: string[] = [];
  #stateWords = 0;
  #refinementCompiler: RefinementCompiler | null = null;

  constructor(scenario: Scenario, options: CompileOptions) {
    const isModel = "model" in scenario;
    this.#scenario = scenario;
    this.#actors = (isModel ? scenario.model.actors : scenario.threads).map((a) => ({ name: a.name, daemon: a.daemon ?? false }));
    this.#plan = planLayout(isModel ? scenario.model.structs : scenario.structs, this.#actors.length);
    this.#refinements = options.refine === false || (options.variant ?? "plain") !== "plain" ? [] : (scenario.refine ?? []);
    this.#refineAll = options.refineAll ?? false;
    this.#sourceMap = options.sourceMap ?? true;
    this.#instrumented = options.variant === "instrumented";
    this.#straight = options.variant === "straight-line";
    this.#linker = new Linker(this.#plan, scenario.config ?? {}, {
      instrumented: this.#instrumented,
      clearDeadLocals: options.clearDeadLocals ?? scenario.clearDeadLocals !== false,
      keepsDeadLocals: new Set(typeof scenario.clearDeadLocals === "object" ? scenario.clearDeadLocals.except : []),
      countsIn: countsIn(options.coverage ?? coverageLog() !== null),
      announces: options.coverage !== false && coverageLog() !== null,
      events: this.#refinements.length === 0 ? null : alphabetOf(this.#refinements),
      calls: (options.variant ?? "plain") === "plain" ? (scenario.calls ?? []) : [], actors: this.#actors.map((a) => a.name), isModel,
    });
    this.#emitter = new Emitter(this.#linker);
    this.#properties = new PropertyFunctions(scenario, this.#linker, this.#emitter,
      (f, name, purpose, worlds) => this.#link(f, name, purpose, worlds));
  }

  /** The image, what asks a machine of the specification, and the modules that were looked at. To be called once. */
  assembled(): { readonly image: ProgramImage; readonly ask: Ask; readonly modules: ReadonlySet<SourceModule> } {
    this.#build();
    const refinement = this.#refinementCompiler?.plan() ?? null;
    const ask = refinement === null ? noMachine : askMachines(this.#refinements, refinement);
    return { image: this.#image(refinement), ask, modules: this.#linker.modules.used };
  }

  /**
   * What each group of functions may access, and what each promise reads. To be called once, in place of `assembled`. Throws an
   * Error for a function that is no part of the program.
   */
  accessSets<N extends string>(groups: Readonly<Record<N, readonly FunctionName[]>>): {
    readonly of: Readonly<Record<N, AccessSet>>;
    readonly promises: readonly AccessSet[];
  } {
    this.#build();
    const { always = {}, step = {}, finally: atEnd = {} } = this.#scenario;
    const excuses = Object.values(always).flatMap((f) => f.excuse ?? []);
    const of = Object.entries<readonly FunctionName[]>(groups).map(([name, functions]) => [name, accessSetOf(this.#linker, functions)]);
    const promises = [...Object.values(always), ...excuses, ...Object.values(step), ...Object.values(atEnd)];
    return {
      of: Object.fromEntries(of) as Readonly<Record<N, AccessSet>>,
      promises: promises.map((f) => readSetOf(this.#linker, f)),
    };
  }

  /** The order matters: where frames lie is known when all routines are lowered, and what may change when all properties are translated. */
  #build(): void {
    const s = this.#scenario;
    const isModel = "model" in s;
    const init = (isModel ? s.model.init : s.init) as ((k: never) => void) | undefined;
    const initCall = init === undefined ? "" : `${this.#link(init, "init", "init", [""]).emitted}();`;
    if (isModel) this.#linkModel(s);
    else this.#linkThreads(s);
    if (this.#refinements.length > 0) this.#refinementCompiler = new RefinementCompiler(this.#linker, this.#refinements);
    this.#emitter.drain();
    if (!this.#straight) this.#refuseForeign();
    let base = this.#plan.stateBytes;
    for (const root of this.#roots) {
      root.base = base;
      if (!this.#straight) base += this.#emitter.areaBytes(root.routine);
    }
    this.#stateWords = Math.max(1, Math.ceil(base / 4));
    this.#body.push(...this.#properties.text((own) =>
      (this.#refinements.length === 0 ? "" : ` const $m = $refine(); if ($m >= 0) return ${own} + $m;`)));
    this.#emitter.drain();
    const { always, excuses } = this.#properties;
    const areas = this.#roots.map((r) => ({ base: r.base, bytes: this.#straight ? 0 : this.#emitter.areaBytes(r.routine) }));
    this.#body.push(affectedFunction(this.#linker.reads, [...always, ...excuses], this.#plan, { words: this.#stateWords, areas }));
    this.#body.push(this.#straight ? "" : this.#linker.positions.text(this.#roots, this.#emitter.routines));
    const step = this.#straight ? this.#runFunction() : isModel ? this.#modelStepFunction() : this.#stepFunction();
    this.#body.push(this.#initFunction(initCall), step);
  }

  /** What is to keep its dead locals must be a routine of the program: else it is misnamed, and nothing would be kept. */
  #refuseForeign(): void {
    const { options, routineReads } = this.#linker;
    for (const f of options.keepsDeadLocals) {
      if (this.#linker.emittedNamesOf(f).some((emitted) => routineReads.has(emitted))) continue;
      const what = `${f.name || "a routine"} is excepted, but no thread of the scenario runs it`;
      throw new Error(`scenario ${this.#scenario.name}: clearDeadLocals: ${what}`);
    }
  }

  #link(f: unknown, name: string, purpose: Purpose, worlds: readonly ("" | "P")[], onlyRoutines = false): LinkedFunction {
    const fn = this.#linker.link(f, name, { purpose, worlds, straight: this.#straight && purpose === "program" }, () => {
      throw new Error(`scenario ${this.#scenario.name}: ${unknownOrigin(name)}`);
    }, onlyRoutines);
    const { names, least } = wantedBy(fn.node);
    if (least > worlds.length) {
      const problem = `${name}: this function takes ${least} arguments (${names.join(", ")}), and is given ${WORLDS_GIVEN[worlds.length]}`;
      throw new CompileError(fn.module.place(fn.node), problem, "What else it needs, it can capture from its module");
    }
    return fn;
  }

  #linkThreads(scenario: ProgramScenario): void {
    for (const thread of scenario.threads) {
      const run = this.#link(thread.run, thread.name, "program", [""], true);
      if (run.routine) {
        this.#roots.push(this.#root(run, run.module.place(run.node), "", []));
        continue;
      }
      // `run: (k) => routine(k, 1, 2)`: the routine itself is the root, its arguments are evaluated once.
      const tr = new Translator(this.#linker, run);
      const only = tr.prepared.body.body[0];
      const call = t.isReturnStatement(only) ? only.argument : null;
      const callee = t.isCallExpression(call) && t.isIdentifier(call.callee) ? run.captured(call.callee.name) : undefined;
      if (tr.prepared.body.body.length !== 1 || !t.isCallExpression(call) || typeof callee !== "function") {
        const problem = `thread ${thread.name}: run is neither a routine nor (k) => routine(k, ...)`;
        throw new CompileError(tr.place(run.node), problem, "Write function* (k) { ... } or (k) => routine(k, arguments)");
      }
      const routine = tr.callee(callee, call, (call.callee as t.Identifier).name);
      if (!routine.routine) {
        const problem = `thread ${thread.name}: ${routine.label} is not a generator function`;
        throw new CompileError(tr.place(call), problem, "A thread runs a routine: function* name(k, ...)");
      }
      const args = tr.argumentsWithoutWorlds(call).map((a) => `, ${generateCode(a)}`).join("");
      this.#roots.push(this.#root(routine, tr.place(call), args, tr.temporaries));
    }
  }

  /** A thread may run a routine through which the outside calls, and nothing else. */
  #root(routine: LinkedFunction, place: Place, args: string, temporaries: readonly string[]): Root {
    const linker = this.#linker;
    const ended = linker.calls.returned(routine, routine.emitted, linker.site({ ...place, routine: routine.label }));
    return { routine: routine.emitted, base: 0, args, temporaries, ended };
  }

  #linkModel(scenario: ModelScenario): void {
    for (const a of scenario.model.actors) {
      const step = this.#link(a.step, `${a.name}.step`, "program", [""]).emitted;
      this.#modelSteps.push({ step, atRest: this.#link(a.atRest, `${a.name}.atRest`, "always", [""]).emitted });
    }
  }

  // ------------------------------------------------------------------------------------- the functions of a step

  #initFunction(initCall: string): string {
    const start = (r: Root, a: number): string => `{ ${declare(r.temporaries)} $me = ${a}; ${r.routine}(${r.base}, true${r.args}); }`;
    const starts = this.#straight ? "" : this.#roots.map(start).join("\n  ");
    const first = "before its first yield; start it with yield at(...)";
    return `const $structBytes = ${this.#plan.stateBytes};
function init() {
  $ci = 0; $me = 0; $fuel = ${this.#straight ? "Infinity" : STEP_ROUNDS_MAX};
  $vector.fill(0);
  $lk.allFree();
  $deps.writeInitialValues();
  ${initCall}
  const untouched = $B.slice(0, $structBytes), chosen = $ci;
  ${starts}
  for (let i = 0; i < $structBytes; i++) if ($B[i] !== untouched[i]) $fault("assertion", "a thread touches the shared state ${first}", -1);
  if ($ci !== chosen) $fault("assertion", "a thread chooses ${first}", -1);
}`;
  }

  /** Straight-line: a thread runs from its beginning to its end and gives its result. */
  #runFunction(): string {
    const run = (r: Root, a: number): string =>
      `case ${a}: { ${declare(r.temporaries)} result = ${r.routine}(${r.args.replace(/^, /, "")}); break; }`;
    return `function $stuck(label, site) { $fault("exception", \`\${label}: the step would wait forever, since nothing else runs\`, site); }
function step(a) {
  $ci = 0; $me = a; $R = undefined; $fuel = Infinity;
  let result;
  switch (a) { ${this.#roots.map(run).join(" ")} }
  $lk.atExit(a);
  $R = result;
  return 1;
}
function modelAtRest() { return false; }`;
  }

  /** How every step begins: choices from the first, no rounds used, statistics and events at zero. */
  #beginning(): string {
    const clear = this.#plan.statisticBytes === 0 ? "" : `$vector.fill(0, ${this.#stateWords});`;
    return `$ci = 0; $me = a; $fuel = ${STEP_ROUNDS_MAX}; ${clear}${this.#refinements.length === 0 ? "" : " $events = 0;"}`;
  }

  /** Beyond the bound of the search nobody moves. */
  #bound(): string {
    return this.#scenario.within === undefined ? "" : `if (!within()) return 0; $fuel = ${STEP_ROUNDS_MAX};`;
  }

  #modelStepFunction(): string {
    const cases = this.#modelSteps.map((m, a) => `case ${a}: label = ${m.step}(); break;`).join(" ");
    const rests = this.#modelSteps.map((m, a) => `case ${a}: return ${m.atRest}() === true;`).join(" ");
    const fault = '$fault("assertion", "the actor changed the state and then said that it cannot move", -1)';
    return `const $untouched = new Int32Array($vector.length);
function step(a) {
  ${this.#beginning()} ${this.#bound()} ${this.#instrumented ? '$observer.beginStep(a, "");' : ""}
  let label = null;
  $untouched.set($vector);
  switch (a) { ${cases} }
  if (label === null) {
    for (let i = 0; i < ${this.#stateWords}; i++) if ($untouched[i] !== $vector[i]) ${fault};
    return 0;
  }
  $label = label; ${this.#instrumented ? "$observer.endStep(a);" : ""}
  return 1;
}
function modelAtRest(a) { $fuel = ${STEP_ROUNDS_MAX}; switch (a) { ${rests} } return false; }`;
  }

  #stepFunction(): string {
    const frames = new Map(this.#emitter.routines.map((r) => [r.emitted, r.frame]));
    const step = (r: Root, a: number): string => {
      const f = frames.get(r.routine)!;
      const wide = `($B[${r.base}] | $B[${r.base + 1}]) === 0`;
      const ended = f.bytes === 0 ? "true" : f.pcBytes === 2 ? wide : `($B[${r.base}] & ${(1 << f.pcBits) - 1}) === 0`;
      const note = r.ended === "" ? "" : ` if (s === 2) ${r.ended}`;
      return `case ${a}: if (${ended}) return 0; s = ${r.routine}(${r.base}, false);${note} break;`;
    };
    return `function step(a) {
  ${this.#beginning()} ${this.#bound()}
  let s = 0;
  switch (a) {
    ${this.#roots.map(step).join("\n    ")}
  }
  if (s === 0) return 0;
  if (s === 2) { ${this.#plan.locks.length === 0 ? "" : "$lk.atExit(a);"} }
  ${this.#instrumented ? "$observer.endStep(a);" : ""}
  return 1;
}
function modelAtRest() { return false; }`;
  }

  // ------------------------------------------------------------------------------------- the image

  #code(functions: string, labels: readonly string[], refinement: RefinementPlan | null): string {
    const linker = this.#linker;
    return [
      functions,
      prelude({ plan: this.#plan, straight: this.#straight, namedChoices: linker.hasNamedChoices, labels }),
      ...[1, 2, 4].map((width) => `const $statistics${width} = ${(this.#stateWords * 4) / width};`),
      `const $cov = new Float64Array(${linker.blocks.length});`,
      linker.constants(),
      linker.calls.declaration(),
      `const $changed = new Int32Array(${this.#stateWords});
let $changes = 0;
function $find() {
  let n = 0;
  ${comparison(this.#stateWords, "$vector", "$before", "$changed")}
  $changes = n;
  return n;
}`,
      ...(refinement === null ? [] : [EVENT_RECORD, this.#refinementCompiler!.text()]),
      ...this.#body,
      EXPORTS + (promisesOfRuns(this.#scenario) ? "shows, " : "") + (refinement === null ? "refined: null };" : REFINED_EXPORTS),
    ].join("\n");
  }

  #image(refinement: RefinementPlan | null): ProgramImage {
    const s = this.#scenario;
    const linker = this.#linker;
    const routines = this.#emitter.routines.map(({ emitted, name, frame, points }) => ({ emitted, name, frame, points }));
    const labels = linker.pointTable.map((p) => routines.find((r) => r.emitted === p.routine)!.points[p.pc]!.label);
    const { code: functions, map } = this.#emitter.program(this.#sourceMap);
    return {
      scenario: s.name, code: this.#code(functions, labels, refinement), plan: this.#plan, actors: this.#actors,
      map: map === null ? null : { ...map, mappings: `${FUNCTION_HEADER_LINES}${map.mappings}` },
      roots: this.#straight ? [] : this.#roots.map(({ routine, base }) => ({ routine, base })),
      stateWords: this.#stateWords, statisticWords: Math.ceil(this.#plan.statisticBytes / 4),
      routines, points: linker.pointTable, sites: linker.sites,
      always: Object.keys(s.always ?? {}), excuseOf: this.#properties.excuseOf, excuses: this.#properties.excuses.length,
      stepProperties: [...Object.keys(s.step ?? {}), ...this.#refinements.map((r) => refinementProperty(r.machine))],
      finally: Object.keys(s.finally ?? {}), sometimes: Object.keys(s.sometimes ?? {}), recurring: Object.keys(s.recurring ?? {}),
      ...ofRuns(s),
      initially: s.initially !== undefined, within: s.within !== undefined, deadlockIsFine: s.deadlock !== undefined,
      instrumented: this.#instrumented,
      blocks: linker.blocks, calls: linker.calls.rows, beyond: s.beyond ?? {},
      refinement, refining: this.#refinementCompiler?.functions() ?? null, refineAll: this.#refineAll,
    };
  }
}

/** Absent where nothing is promised of whole runs. */
function ofRuns(s: Scenario): Pick<ProgramImage, "liveness"> {
  const { liveness } = livenessOf(s);
  return liveness === undefined ? {} : { liveness };
}

/** What an emitted program gives to `CompiledSystem`. */
const EXPORTS = "return { init, step, nextBranch, branch, setBranch, branchNames, checkState, checkSome, markAffected, excuses, excused, "
  + "changed: $changed, find: $find, checkStep, checkChanges, checkEnd, isBroken, witness, recurs, initially, within, modelAtRest, "
  + "result: () => $R, calls: () => $calls, coverage: () => $cov, "
  + "point: () => $point, waitsFor: () => $waitsFor, modelLabel: () => $label, explain, ";
const REFINED_EXPORTS = "refined: $refined, refine: () => { $find(); return $refine(); }, "
  + "refuses: (machine) => { const counts = $refined.counts.slice(); "
  + "const found = $refined.check($events, $changes, machine); $refined.counts.set(counts); "
  + "return found >= 0; }, events: () => $event.subarray(0, $events) };";
