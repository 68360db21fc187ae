/** Compiles a scenario into a program image and makes a transition system of it. */
import { createHash } from "node:crypto";
import * as t from "@babel/types";
import type { ModelScenario, ProgramScenario, Scenario } from "../scenario.ts";
import { EXCUSES_MAX, type SystemSource } from "../system.ts";
import { planLayout, type LayoutPlan } from "../program/layout.ts";
import { coverageLog } from "../program/coverage-log.ts";
import type { StepObserver } from "../program/observer.ts";
import { affectedFunction } from "./affected.ts";
import { CompileError } from "./compile-error.ts";
import { explainingFunction } from "./explain.ts";
import { generateCode } from "./generate.ts";
import { CompiledSystem, FUNCTION_HEADER_LINES, type Ask } from "../image/compiled-system.ts";
import { STEP_ROUNDS_MAX, prelude } from "./prelude.ts";
import type { ProgramImage } from "../image/image.ts";
import { Linker, type LinkedFunction, type Purpose } from "./link.ts";
import { EVENT_RECORD, RefinementCompiler, alphabetOf } from "./refine.ts";
import { comparison } from "./comparison.ts";
import { UNKNOWN, type RefinementPlan } from "../refinement-plan.ts";
import { refinementProperty, type Refinement } from "../refinement.ts";
import { Translator } from "./translate.ts";

export interface CompileOptions {
  /** `instrumented` reports each access and lock operation to `observer`; `straight-line` has no yields (`compileStraightLine`). */
  readonly variant?: "plain" | "instrumented" | "straight-line";
  /** Overrides the scenario's own setting. */
  readonly clearDeadLocals?: boolean;
  readonly observer?: StepObserver;
  /** Count how often each basic block of routines and helpers runs; see `CompiledSystem.coverage`. Unless set: whether the process records coverage. */
  readonly coverage?: boolean;
  /** Errors that are thrown in the program name lines of its source; unless false: to write the map down takes a third of the compilation. */
  readonly sourceMap?: boolean;
  /** Hold each step to the scenario's machines; unless false. Neither the instrumented nor the straight-line variant does. */
  readonly refine?: boolean;
  /** Look at every instance of every machine after each step, not only at those that can have moved: to validate the other. */
  readonly refineAll?: boolean;
}

export interface CompiledScenario {
  readonly system: CompiledSystem;
  /** For worker threads. */
  readonly source: SystemSource;
  readonly image: ProgramImage;
}

/** The module that a worker imports: TypeScript in a checkout, JavaScript in the published package. */
const WORKER_MODULE = new URL(import.meta.url.endsWith(".ts") ? "../image/compiled-system.ts" : "../image/compiled-system.js", import.meta.url).href;

/** Compiles and instantiates. Throws CompileError for what the subset refuses, Error for a scenario that is not well formed. */
export function compileScenario(scenario: Scenario, options: CompileOptions = {}): CompiledScenario {
  const { image, ask } = new Assembly(scenario, options).assembled();
  return {
    image,
    system: new CompiledSystem(image, options.observer === undefined ? null : () => options.observer!, ask),
    source: {
      module: WORKER_MODULE, programHash: programHash(image),
      // A worker cannot ask a machine: it gets the table whole.
      get data() {
        if (image.refinement !== null) fillCells(image.refinement, ask);
        return image;
      },
    },
  };
}

function fillCells(plan: RefinementPlan, ask: Ask): void {
  for (const [n, m] of plan.machines.entries()) {
    for (let state = 0; state < m.descriptions.length; state++) {
      for (let column = 0; column < m.columns.length; column++) {
        const cell = m.firstCell + state * m.columns.length + column;
        if (plan.cells[cell] === UNKNOWN) plan.cells[cell] = ask(n, state, column);
      }
    }
  }
}

/** Hash of everything that decides behaviour: emitted text and layout. Source positions are left out, so that a comment changes nothing. */
export function programHash(image: ProgramImage): string {
  return createHash("sha256").update(image.code).update(JSON.stringify(image.plan)).digest("hex").slice(0, 16);
}

export function compileImage(scenario: Scenario, options: CompileOptions = {}): ProgramImage {
  return new Assembly(scenario, options).assembled().image;
}

/**
 * A program without preemption: `run(actor)` takes a thread from its beginning to its end on the shared vector. Used
 * for functional tests and full-size simulation; statistics add up.
 */
export class StraightLine {
  readonly system: CompiledSystem;
  /** `initial`: what init chooses. */
  constructor(scenario: ProgramScenario, initial: readonly number[] = []) {
    this.system = new CompiledSystem(compileImage(scenario, { variant: "straight-line" }));
    this.system.setBranch(initial);
    this.system.init();
  }

  /** Runs the thread and gives its result, following `choices` (0 beyond them). Throws StepFault, also where it would have to wait. */
  run(actor: number, choices: readonly number[] = []): unknown {
    this.system.setBranch(choices);
    this.system.step(actor);
    return this.system.result();
  }
}

const declare = (names: readonly string[]): string => (names.length === 0 ? "" : `let ${names.join(", ")};`);

class Assembly {
  readonly scenario: Scenario;
  readonly plan: LayoutPlan;
  readonly linker: Linker;
  readonly instrumented: boolean;
  readonly straight: boolean;
  /** `temporaries`: what the evaluation of the arguments declares. */
  readonly roots: { routine: string; base: number; args: string; temporaries: readonly string[] }[] = [];
  readonly body: string[] = [];
  readonly stateWords: number;
  readonly actors: readonly { name: string; daemon: boolean }[];
  readonly refinements: readonly Refinement[];
  readonly refineAll: boolean;
  readonly sourceMap: boolean;
  refinementCompiler: RefinementCompiler | null = null;
  /** State properties, in order. */
  readonly alwaysEmitted: string[] = [];
  /** The functions of the excuses, and the excuse of each state property. */
  readonly excusesEmitted: string[] = [];
  readonly excuseOf: number[] = [];

  constructor(scenario: Scenario, options: CompileOptions) {
    const structs = "model" in scenario ? scenario.model.structs : scenario.structs;
    this.actors = ("model" in scenario ? scenario.model.actors : scenario.threads).map((a) => ({ name: a.name, daemon: a.daemon ?? false }));
    const plan = planLayout(structs, this.actors.length);
    this.scenario = scenario;
    this.plan = plan;
    this.refinements = options.refine === false || (options.variant ?? "plain") !== "plain" ? [] : (scenario.refine ?? []);
    this.refineAll = options.refineAll ?? false;
    this.sourceMap = options.sourceMap ?? true;
    this.instrumented = options.variant === "instrumented";
    this.straight = options.variant === "straight-line";
    this.linker = new Linker(plan, scenario.config ?? {}, {
      instrumented: this.instrumented,
      clearDeadLocals: options.clearDeadLocals ?? scenario.clearDeadLocals ?? true,
      coverage: options.coverage ?? coverageLog() !== null,
      events: this.refinements.length === 0 ? null : alphabetOf(this.refinements),
    });
    const isModel = "model" in scenario;
    const init = (isModel ? scenario.model.init : scenario.init) as ((k: never) => void) | undefined;
    const initCall = init === undefined ? "" : `${this.property(init, "init", "init", [""]).emitted}();`;
    if (isModel) this.model(scenario);
    else this.threads(scenario);
    if (this.refinements.length > 0) this.refinementCompiler = new RefinementCompiler(this.linker, this.refinements);
    this.linker.drain();
    let base = plan.stateBytes;
    for (const root of this.roots) {
      root.base = base;
      if (!this.straight) base += this.linker.areaBytes(root.routine);
    }
    this.stateWords = Math.max(1, Math.ceil(base / 4));
    this.properties();
    this.linker.drain();
    this.body.push(affectedFunction(this.linker.reads, [...this.alwaysEmitted, ...this.excusesEmitted], this.plan, this.stateWords));
    this.body.push(this.initFunction(initCall), this.straight ? this.runFunction() : this.stepFunction(isModel));
  }

  property(f: unknown, name: string, purpose: Purpose, worlds: readonly ("" | "P")[], onlyRoutines = false): LinkedFunction {
    return this.linker.link(f, name, { purpose, worlds, straight: this.straight && purpose === "program" }, () => {
      throw new Error(`scenario ${this.scenario.name}: ${name} is not a function of a module loaded through thpcheck`);
    }, onlyRoutines);
  }

  threads(scenario: ProgramScenario): void {
    for (const thread of scenario.threads) {
      const run = this.property(thread.run, thread.name, "program", [""], true);
      if (run.routine) {
        this.roots.push({ routine: run.emitted, base: 0, args: "", temporaries: [] });
        continue;
      }
      // `run: (k) => routine(k, 1, 2)`: the routine itself is the root, its arguments are evaluated once.
      const tr = new Translator(this.linker, run);
      const only = tr.prepared.body.body[0];
      const call = t.isReturnStatement(only) ? only.argument : null;
      const callee = t.isCallExpression(call) && t.isIdentifier(call.callee) ? run.captured(call.callee.name) : undefined;
      if (tr.prepared.body.body.length !== 1 || !t.isCallExpression(call) || typeof callee !== "function") {
        throw new CompileError(tr.place(run.node), `thread ${thread.name}: run is neither a routine nor (k) => routine(k, ...)`, "Write function* (k) { ... } or (k) => routine(k, arguments)");
      }
      const routine = tr.callee(callee, call, (call.callee as t.Identifier).name);
      if (!routine.routine) throw new CompileError(tr.place(call), `thread ${thread.name}: ${routine.label} is not a generator function`, "A thread runs a routine: function* name(k, ...)");
      this.roots.push({ routine: routine.emitted, base: 0, args: tr.argumentsWithoutWorlds(call).map((a) => `, ${generateCode(a)}`).join(""), temporaries: tr.temporaries });
    }
  }

  readonly modelSteps: { step: string; atRest: string }[] = [];
  model(scenario: ModelScenario): void {
    for (const a of scenario.model.actors) {
      this.modelSteps.push({ step: this.property(a.step, `${a.name}.step`, "program", [""]).emitted, atRest: this.property(a.atRest, `${a.name}.atRest`, "always", [""]).emitted });
    }
  }

  properties(): void {
    const s = this.scenario;
    const explainers: string[] = [];
    const group = (kind: "always" | "step" | "finally", record: Readonly<Record<string, unknown>> | undefined, worlds: readonly ("" | "P")[]): string =>
      Object.entries(record ?? {}).map(([name, f], i) => {
        const linked = this.property(f, name, kind, worlds);
        const explainer = `e_${kind}_${i}`;
        if (kind === "always") this.alwaysEmitted.push(linked.emitted);
        this.linker.add(explainingFunction(this.linker, linked, explainer));
        explainers.push(`case "${kind}${i}": ${explainer}(); break;`);
        return `$property = ${JSON.stringify(name)}; if (${linked.emitted}() !== true) return ${i};`;
      }).join(" ");
    const always = group("always", s.always, [""]);
    this.excuses();
    const some = Object.keys(s.always ?? {}).map((name, i) => `if ((m[at + ${i >> 5}] & ${1 << (i & 31)}) !== 0) { $property = ${JSON.stringify(name)}; if (${this.alwaysEmitted[i]!}() !== true) return ${i}; }`).join(" ");
    const own = Object.keys(s.step ?? {}).length;
    const step = `${group("step", s.step, ["P", ""])}${this.refinements.length === 0 ? "" : ` const $m = $refined.check($events, $changes); if ($m >= 0) return ${own} + $m;`}`;
    const final = group("finally", s.finally, [""]);
    const witnesses = Object.entries(s.sometimes ?? {}).map(([name, f], i) => `case ${i}: return ${this.property(f, name, "sometimes", [""]).emitted}() === true;`).join(" ");
    this.body.push(
      `let $property = "";
function $threw(e) {
  if (e instanceof Error && !e.message.startsWith("the property ")) e.message = \`the property \${JSON.stringify($property)} throws: \${e.message}\`;
  throw e;
}
function checkSome(m, at) { $fuel = ${STEP_ROUNDS_MAX}; try { ${some} return -1; } catch (e) { $threw(e); } }
function checkState() { $fuel = ${STEP_ROUNDS_MAX}; try { ${always} return -1; } catch (e) { $threw(e); } }
function checkStep(before) { if (before !== $before) $before.set(before.length === $before.length ? before : before.subarray(0, $before.length)); $find(); return checkChanges(); }
function checkChanges() { $fuel = ${STEP_ROUNDS_MAX}; try { ${step} return -1; } catch (e) { $threw(e); } }
function checkEnd() { $fuel = ${STEP_ROUNDS_MAX}; try { ${final} return -1; } catch (e) { $threw(e); } }`,
      `function witness(i) { $fuel = ${STEP_ROUNDS_MAX}; switch (i) { ${witnesses} } return false; }`,
      `let $found = null;
function $explain(conjuncts) {
  for (const [text, site, value, operands] of conjuncts) {
    const v = value();
    if (v === true) continue;
    $found = v !== null && typeof v === "object" && "conjunct" in v ? { conjunct: v.conjunct, site, operands: Object.entries(v.values) } : { conjunct: text, site, operands: [...operands(), ...(v === false ? [] : [["the whole, which is not true", v]])] };
    return false;
  }
  return true;
}
function explain(kind, index) { $fuel = ${STEP_ROUNDS_MAX}; $found = null; switch (kind + index) { ${explainers.join(" ")} } return $found; }`,
    );
  }

  /** Properties share their excuses: each is asked once. */
  excuses(): void {
    const s = this.scenario;
    for (const [name, property] of Object.entries(s.always ?? {})) {
      if (property.excuse === undefined) {
        this.excuseOf.push(-1);
        continue;
      }
      const { emitted } = this.property(property.excuse, `the excuse of ${name}`, "always", [""]);
      if (!this.excusesEmitted.includes(emitted)) this.excusesEmitted.push(emitted);
      this.excuseOf.push(this.excusesEmitted.indexOf(emitted));
    }
    if (this.excusesEmitted.length > EXCUSES_MAX) throw new Error(`scenario ${s.name}: its promises have ${this.excusesEmitted.length} different excuses; at most ${EXCUSES_MAX} are possible, so let promises share them`);
    const first = this.alwaysEmitted.length;
    const ask = (e: string, i: number): string => `if (${e}() === true) bits |= ${1 << i};`;
    this.body.push(`function excuses() { $fuel = ${STEP_ROUNDS_MAX}; $property = "(an excuse)"; let bits = 0; try { ${this.excusesEmitted.map(ask).join(" ")} return bits; } catch (e) { $threw(e); } }
function excused(m, at, before) { $fuel = ${STEP_ROUNDS_MAX}; $property = "(an excuse)"; let bits = before; try {
  ${this.excusesEmitted.map((e, i) => `if ((m[at + ${(first + i) >> 5}] & ${1 << ((first + i) & 31)}) !== 0) { bits &= ${~(1 << i)}; ${ask(e, i)} }`).join("\n  ")}
  return bits; } catch (e) { $threw(e); } }`);
  }

  initFunction(initCall: string): string {
    const starts = this.straight ? "" : this.roots.map((r, a) => `{ ${declare(r.temporaries)} $me = ${a}; ${r.routine}(${r.base}, true${r.args}); }`).join("\n  ");
    return `const $structBytes = ${this.plan.stateBytes};
function init() {
  $ci = 0; $me = 0; $fuel = ${this.straight ? "Infinity" : STEP_ROUNDS_MAX};
  $vector.fill(0);
  $lk.allFree();
  $deps.writeInitialValues();
  ${initCall}
  const untouched = $B.slice(0, $structBytes), chosen = $ci;
  ${starts}
  for (let i = 0; i < $structBytes; i++) if ($B[i] !== untouched[i]) $fault("assertion", "a thread touches the shared state before its first yield; start it with yield at(...)", -1);
  if ($ci !== chosen) $fault("assertion", "a thread chooses before its first yield; start it with yield at(...)", -1);
}`;
  }

  /** Straight-line: a thread runs from its beginning to its end and gives its result. */
  runFunction(): string {
    const cases = this.roots.map((r, a) => `case ${a}: { ${declare(r.temporaries)} result = ${r.routine}(${r.args.replace(/^, /, "")}); break; }`).join(" ");
    return `function $stuck(label, site) { $fault("exception", \`\${label}: the step would wait forever, since nothing else runs\`, site); }
function step(a) {
  $ci = 0; $me = a; $R = undefined; $fuel = Infinity;
  let result;
  switch (a) { ${cases} }
  $lk.atExit(a);
  $R = result;
  return 1;
}
function modelAtRest() { return false; }`;
  }

  stepFunction(isModel: boolean): string {
    const clear = this.plan.statisticBytes === 0 ? "" : `$vector.fill(0, ${this.stateWords});`;
    const end = this.instrumented ? "$observer.endStep(a);" : "";
    const forget = this.refinements.length === 0 ? "" : " $events = 0;";
    if (isModel) {
      const cases = this.modelSteps.map((m, a) => `case ${a}: label = ${m.step}(); break;`).join(" ");
      const begin = this.instrumented ? '$observer.beginStep(a, "");' : "";
      const rests = this.modelSteps.map((m, a) => `case ${a}: return ${m.atRest}() === true;`).join(" ");
      return `const $untouched = new Int32Array($vector.length);
function step(a) {
  $ci = 0; $me = a; $fuel = ${STEP_ROUNDS_MAX}; ${clear}${forget} ${begin}
  let label = null;
  $untouched.set($vector);
  switch (a) { ${cases} }
  if (label === null) {
    for (let i = 0; i < ${this.stateWords}; i++) if ($untouched[i] !== $vector[i]) $fault("assertion", "the actor changed the state and then said that it cannot move", -1);
    return 0;
  }
  $label = label; ${end}
  return 1;
}
function modelAtRest(a) { $fuel = ${STEP_ROUNDS_MAX}; switch (a) { ${rests} } return false; }`;
    }
    const frames = new Map(this.linker.routines.map((r) => [r.emitted, r.frame]));
    const cases = this.roots.map((r, a) => {
      const f = frames.get(r.routine)!;
      const ended = f.bytes === 0 ? "true" : f.pcBytes === 2 ? `($B[${r.base}] | $B[${r.base + 1}]) === 0` : `($B[${r.base}] & ${(1 << f.pcBits) - 1}) === 0`;
      return `case ${a}: if (${ended}) return 0; s = ${r.routine}(${r.base}, false); break;`;
    }).join("\n    ");
    const exit = this.plan.locks.length === 0 ? "" : "$lk.atExit(a);";
    return `function step(a) {
  $ci = 0; $me = a; $fuel = ${STEP_ROUNDS_MAX}; ${clear}${forget}
  let s = 0;
  switch (a) {
    ${cases}
  }
  if (s === 0) return 0;
  if (s === 2) { ${exit} }
  ${end}
  return 1;
}
function modelAtRest() { return false; }`;
  }

  assembled(): { readonly image: ProgramImage; readonly ask: Ask } {
    const refinement = this.refinements.length === 0 ? null : this.refinementCompiler!.plan();
    const image = this.image(refinement);
    return { image, ask: (machine, state, column) => this.refinementCompiler!.ask(machine, state, refinement!.machines[machine]!.columns[column]!) };
  }

  image(refinement: RefinementPlan | null): ProgramImage {
    const s = this.scenario;
    const { linker } = this;
    const routines = linker.routines.map(({ emitted, name, frame, points }) => ({ emitted, name, frame, points }));
    const labels = linker.pointTable.map((p) => routines.find((r) => r.emitted === p.routine)!.points[p.pc]!.label);
    const { code: functions, map } = linker.program(this.sourceMap);
    const code = [
      functions,
      prelude({ plan: this.plan, straight: this.straight, namedChoices: linker.hasNamedChoices }).replace('function $pointLabel() { return ""; }', `const $labels = ${JSON.stringify(labels)};
function $pointLabel() { const l = $labels[$point]; return l.includes("%") ? l.replace("%", "(" + $plan.locks[$waitsFor].lockClass + ")") : l; }`),
      ...[1, 2, 4].map((width) => `const $statistics${width} = ${(this.stateWords * 4) / width};`),
      `const $cov = new Uint32Array(${linker.blocks.length});`,
      linker.constants(),
      `const $changed = new Int32Array(${this.stateWords});
let $changes = 0;
function $find() {
  let n = 0;
  ${comparison(this.stateWords, "$vector", "$before", "$changed")}
  $changes = n;
  return n;
}`,
      ...(refinement === null ? [] : [EVENT_RECORD, this.refinementCompiler!.text()]),
      ...this.body,
      "return { init, step, nextBranch, branch, setBranch, branchNames, checkState, checkSome, markAffected, excuses, excused, changed: $changed, find: $find, checkStep, checkChanges, checkEnd, witness, modelAtRest, result: () => $R, coverage: () => $cov, point: () => $point, waitsFor: () => $waitsFor, modelLabel: () => $label, explain, "
        + (refinement === null ? "refined: null };" : "refined: $refined, refine: () => { $find(); return $refined.check($events, $changes); }, events: () => $event.subarray(0, $events) };"),
    ].join("\n");
    return {
      scenario: s.name, code, map: map === null ? null : { ...map, mappings: `${FUNCTION_HEADER_LINES}${map.mappings}` }, plan: this.plan, actors: this.actors,
      roots: this.straight ? [] : this.roots.map(({ routine, base }) => ({ routine, base })),
      stateWords: this.stateWords, statisticWords: Math.ceil(this.plan.statisticBytes / 4),
      routines, points: linker.pointTable, sites: linker.sites,
      always: Object.keys(s.always ?? {}), excuseOf: this.excuseOf, excuses: this.excusesEmitted.length, stepProperties: [...Object.keys(s.step ?? {}), ...this.refinements.map((r) => refinementProperty(r.machine))], finally: Object.keys(s.finally ?? {}), sometimes: Object.keys(s.sometimes ?? {}),
      instrumented: this.instrumented,
      blocks: linker.blocks,
      refinement, refineAll: this.refineAll,
    };
  }
}
