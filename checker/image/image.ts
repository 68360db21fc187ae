/**
 * A program image: a scenario compiled to one closed text plus the tables that explain it. Plain data: a worker thread
 * receives it as it is and needs neither the user's modules nor the compiler.
 */
import { coverageLog } from "../program/coverage-log.ts";
import type { LayoutPlan } from "../program/layout.ts";
import type { Site, StepObserver } from "../program/observer.ts";
import { StateBytes, writeInitialValues } from "../program/world.ts";
import { StepFault, type FaultRule } from "../fault.ts";
import type {
  ActorInfo, AffectedProperties, ActorPosition, Excuses, Explanation, NamedValue, PropertyKind, SourceFrame,
  TransitionSystem, Changes,
} from "../system.ts";
import { statisticValues, structValues } from "../program/values.ts";
import type { FramePlan, Slot } from "../compile/frame.ts";
import { changedBits, explainRefusal } from "./explain-refusal.ts";
import { lockRuntime } from "./lock-runtime.ts";
import type { RefinementPlan } from "../refinement-plan.ts";
import type { Refusal, RefinementRuntime } from "./refinement-runtime.ts";
import type { Point } from "../compile/lower.ts";

export interface RoutineImage {
  readonly emitted: string;
  readonly name: string;
  readonly frame: FramePlan;
  readonly points: readonly (Point | null)[];
}

export interface ProgramImage {
  readonly scenario: string;
  readonly code: string;
  /** Source map of the emitted function, version 3, where it was asked for. */
  readonly map: object | null;
  readonly plan: LayoutPlan;
  readonly actors: readonly ActorInfo[];
  /** For compiled programs: root routine and first byte of the frame area of each thread. Empty for hand-written models. */
  readonly roots: readonly { readonly routine: string; readonly base: number }[];
  readonly stateWords: number;
  readonly statisticWords: number;
  readonly routines: readonly RoutineImage[];
  readonly points: readonly { readonly routine: string; readonly pc: number }[];
  readonly sites: readonly Site[];
  readonly always: readonly string[];
  /** How many excuses there are, and that of each state property; -1: none. */
  readonly excuses: number;
  readonly excuseOf: readonly number[];
  readonly stepProperties: readonly string[];
  readonly finally: readonly string[];
  readonly sometimes: readonly string[];
  readonly instrumented: boolean;
  /** Sites of the basic blocks that are counted; empty unless coverage was asked for. */
  readonly blocks: readonly number[];
  /** The machines that each step is held to; null when there are none. */
  readonly refinement: RefinementPlan | null;
  readonly refineAll: boolean;
}

/** What a machine answers for a state and a column of its table. */
export type Ask = (machine: number, state: number, column: number) => number;

/** What the emitted text defines. */
interface Emitted {
  init(): void;
  step(actor: number): number;
  nextBranch(): boolean;
  branch(): number[];
  setBranch(choices: readonly number[]): void;
  branchNames(): string[];
  checkState(): number;
  checkSome(set: Int32Array, at: number): number;
  markAffected(into: Int32Array, at: number): void;
  excuses(): number;
  excused(set: Int32Array, at: number, before: number): number;
  readonly changed: Int32Array;
  find(): number;
  checkStep(before: Int32Array): number;
  checkChanges(): number;
  checkEnd(): number;
  witness(index: number): boolean;
  modelAtRest(actor: number): boolean;
  result(): unknown;
  coverage(): Uint32Array;
  point(): number;
  waitsFor(): number;
  modelLabel(): string;
  explain(kind: string, index: number): ExplainedReturn | null;
  readonly refined: RefinementRuntime | null;
  /** Checks the last step again. */
  refine?(): number;
  /** The record of the events of the last step. */
  events?(): Int32Array;
}
/** One evaluated return of a property: its conjuncts until the first that failed. */
export interface ExplainedReturn {
  readonly conjunct: string;
  readonly site: number;
  readonly operands: readonly (readonly [string, unknown])[];
}

export class CompiledSystem implements TransitionSystem {
  readonly image: ProgramImage;
  readonly stateWords: number;
  readonly vector: Int32Array;
  readonly actors: readonly ActorInfo[];
  readonly always: readonly string[];
  readonly stepProperties: readonly string[];
  readonly finally: readonly string[];
  readonly sometimes: readonly string[];
  readonly init: () => void;
  readonly step: (actor: number) => number;
  readonly nextBranch: () => boolean;
  readonly branch: () => number[];
  readonly setBranch: (choices: readonly number[]) => void;
  readonly branchNames: () => string[];
  readonly checkState: () => number;
  readonly affected: AffectedProperties;
  readonly excuses: Excuses | null;
  readonly changes: Changes;
  readonly checkChanges: () => number;
  readonly checkStep: (before: Int32Array) => number;
  readonly checkEnd: () => number;
  readonly witness: (index: number) => boolean;
  readonly #emitted: Emitted;
  readonly #bytes: StateBytes;
  readonly before: Int32Array;
  readonly #routines: ReadonlyMap<string, RoutineImage>;

  /** `observe` makes the observer of an instrumented image, given the bytes that hold the state; `ask` fills the tables of machines where they have holes. */
  constructor(image: ProgramImage, observe: ((bytes: StateBytes) => StepObserver) | null = null, ask: Ask = noAnswer) {
    this.image = image;
    this.stateWords = image.stateWords;
    this.vector = new Int32Array(image.stateWords + image.statisticWords);
    this.before = new Int32Array(this.vector.length);
    this.actors = image.actors;
    this.always = image.always;
    this.stepProperties = image.stepProperties;
    this.finally = image.finally;
    this.sometimes = image.sometimes;
    this.#bytes = new StateBytes(this.vector.buffer);
    this.#routines = new Map(image.routines.map((r) => [r.emitted, r]));
    const fault = (rule: FaultRule, message: string, site: number): never => {
      throw new StepFault(rule, message, this.#sourceOf(site));
    };
    const log = image.blocks.length > 0 ? coverageLog() : null;
    // The text is unique per instance, so that V8 compiles and specialises it afresh.
    const map = image.map === null ? "" : `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(image.map)).toString("base64")}`;
    const make = new Function("$deps", `"use strict";\n${image.code}\n//# sourceURL=thpcheck-${image.scenario}-${instanceNumber()}.js${map}`) as (deps: object) => Emitted;
    this.#emitted = make({
      vector: this.vector, before: this.before, plan: image.plan, fault, refinement: image.refinement, ask, all: image.refineAll, observer: observe === null ? null : observe(this.#bytes),
      announce: log === null ? () => {} : log.announce,
      statisticBase: image.stateWords * 4,
      writeInitialValues: () => writeInitialValues(image.plan, this.#bytes, image.stateWords * 4),
    });
    log?.add(image.blocks.map((site) => image.sites[site]!), this.#emitted.coverage());
    const e = this.#emitted;
    this.init = e.init;
    this.step = e.step;
    this.nextBranch = e.nextBranch;
    this.branch = e.branch;
    this.setBranch = e.setBranch;
    this.branchNames = e.branchNames;
    this.checkState = e.checkState;
    this.affected = { words: Math.ceil((image.always.length + image.excuses) / 32), mark: e.markAffected, check: e.checkSome, excused: e.excused };
    this.excuses = image.excuses === 0 ? null : { count: image.excuses, of: image.excuseOf, evaluate: e.excuses };
    this.changes = { words: e.changed, find: e.find };
    this.checkChanges = e.checkChanges;
    this.checkStep = e.checkStep;
    this.checkEnd = e.checkEnd;
    this.witness = e.witness;
  }

  #sourceOf(site: number): string | null {
    const s = this.image.sites[site];
    return s === undefined ? null : `${s.file}:${s.line}`;
  }

  /** Straight-line: what the thread that ran last returned. */
  result(): unknown {
    return this.#emitted.result();
  }

  /** How often each basic block ran in this instance so far, by where it begins. */
  coverage(): { readonly site: Site; readonly count: number }[] {
    const counts = this.#emitted.coverage();
    return this.image.blocks.map((site, n) => ({ site: this.image.sites[site]!, count: counts[n]! }));
  }

  label(): string {
    if (this.image.roots.length === 0) return this.#emitted.modelLabel();
    const at = this.image.points[this.#emitted.point()]!;
    const point = this.#routines.get(at.routine)!.points[at.pc]!;
    return point.label.replace("%", `(${this.image.plan.locks[this.#emitted.waitsFor()]?.lockClass ?? "?"})`);
  }

  atRest(actor: number): boolean {
    if (this.image.roots.length === 0) return this.#emitted.modelAtRest(actor);
    const frames = this.#frames(actor);
    const innermost = frames[0];
    if (innermost === undefined) return true;
    // Who rests with a lock in its hand keeps everyone else out for ever.
    if (this.heldLocks(actor).length > 0) return false;
    return innermost.point.idle || (this.actors[actor]!.daemon && innermost.point.kind === "yield");
  }

  /** Frames of a thread, innermost first; none when it has ended. */
  #frames(actor: number): { routine: RoutineImage; point: Point; base: number }[] {
    const root = this.image.roots[actor]!;
    const frames: { routine: RoutineImage; point: Point; base: number }[] = [];
    let base = root.base;
    for (let name: string | null = root.routine; name !== null; ) {
      const routine: RoutineImage = this.#routines.get(name)!;
      const pc = this.#readPc(routine.frame, base);
      const point: Point | null = routine.points[pc] ?? null;
      if (point === null) break;
      frames.unshift({ routine, point, base });
      base += routine.frame.bytes;
      name = point.callee;
    }
    return frames;
  }

  #readPc(f: FramePlan, base: number): number {
    const { u8 } = this.#bytes;
    if (f.bytes === 0) return 0;
    return f.pcBytes === 2 ? u8[base]! | (u8[base + 1]! << 8) : u8[base]! & ((1 << f.pcBits) - 1);
  }

  #readSlot(s: Slot, base: number): number {
    const { bits, min } = s.type;
    if (bits === 0) return min;
    let raw = 0;
    if (bits < 8) raw = (this.#bytes.u8[base + s.byte]! >> s.shift) & ((1 << bits) - 1);
    else for (let n = 0; n < Math.ceil(bits / 8); n++) raw += this.#bytes.u8[base + s.byte + n]! * 2 ** (8 * n);
    return raw + min;
  }

  position(actor: number): ActorPosition {
    if (this.image.roots.length === 0) return { label: null, stack: [], waitsFor: null };
    const frames = this.#frames(actor);
    const innermost = frames[0];
    if (innermost === undefined) return { label: null, stack: [], waitsFor: null };
    const stack = frames.map((f): SourceFrame => {
      const s = this.image.sites[f.point.site]!;
      return { routine: f.routine.name, file: s.file, line: s.line };
    });
    let { label } = innermost.point;
    let waitsFor: ActorPosition["waitsFor"] = null;
    if (innermost.point.kind === "lock") {
      const id = this.#lockAt(actor, innermost);
      const lock = this.image.plan.locks[id];
      if (lock !== undefined) {
        label = label.replace("%", `(${lock.lockClass})`);
        const holders = this.actors.filter((_, a) => this.#holds(a, id)).map((a) => a.name);
        waitsFor = { lock: lock.name, holders };
      }
    }
    return { label, stack, waitsFor };
  }

  /** The lock that a thread stands before: from its local, or by trying the step (a failed guard changes nothing). */
  #lockAt(actor: number, frame: { point: Point; routine: RoutineImage; base: number }): number {
    const slot = frame.routine.frame.slots.find((s) => s.variable === frame.point.lockVariable);
    if (slot !== undefined) return this.#readSlot(slot, frame.base);
    const saved = this.vector.slice();
    try {
      this.#emitted.step(actor);
    } catch {
      // A fault of the step itself: the lock it stands before is known all the same.
    }
    this.vector.set(saved);
    return this.#emitted.waitsFor();
  }

  #holds(actor: number, id: number): boolean {
    const lock = this.image.plan.locks[id]!;
    const { u8 } = this.#bytes;
    if (u8[lock.offset] === actor + 1) return true;
    if (lock.kind !== "rwsem") return false;
    return ((u8[lock.offset + 1 + (actor >> 3)]! >> (actor & 7)) & 1) !== 0;
  }

  /** Locks that the actor holds in `vector`. */
  heldLocks(actor: number): { lock: number; mode: "exclusive" | "shared" }[] {
    return this.image.plan.locks.flatMap((l) => (this.#holds(actor, l.id) ? [{ lock: l.id, mode: this.#bytes.u8[l.offset] === actor + 1 ? "exclusive" as const : "shared" as const }] : []));
  }

  values(): NamedValue[] {
    const out = structValues(this.image.plan, this.#bytes, this.actors.map((a) => a.name), this.image.stateWords * 4);
    this.image.roots.forEach((_, actor) => {
      for (const f of this.#frames(actor).reverse()) {
        for (const variable of f.point.live) {
          const s = f.routine.frame.slots.find((x) => x.variable === variable);
          if (s === undefined || s.name.startsWith("$")) continue;
          out.push({ name: `${this.actors[actor]!.name}/${f.routine.name}.${s.name}`, value: this.#slotText(s, f.base) });
        }
      }
    });
    return out;
  }

  #slotText(s: Slot, base: number): string {
    const v = this.#readSlot(s, base);
    if (s.type.boolean) return String(v !== 0);
    if (s.type.refersTo === null) return String(v);
    if (v < 0) return "NONE";
    return s.type.refersTo === "lock" ? this.image.plan.locks[v]?.name ?? String(v) : `${s.type.refersTo} ${v}`;
  }

  get refinement(): RefinementPlan | null {
    return this.image.refinement;
  }

  /** Steps held to the machines so far, then how often each cell of their tables was taken; null without machines. */
  refinementCounts(): Float64Array | null {
    return this.#emitted.refined?.counts ?? null;
  }

  /** The instance that the last step does not refine, as the last `explain` found it. */
  refusal(): Refusal | null {
    return this.#emitted.refined?.refusal() ?? null;
  }

  #explainRefusal(plan: RefinementPlan): Explanation | null {
    const { refined, refine, events } = this.#emitted;
    refine!();
    const refusal = refined!.refusal();
    if (refusal === null) return null;
    const changed = changedBits(plan, refusal.instance, this.before, this.vector).size > 0;
    return explainRefusal(plan, refusal, refined!.abstract(refusal.instance), changed, events!(), (site) => this.#sourceOf(site));
  }

  statistics(): NamedValue[] {
    return statisticValues(this.image.plan, this.#bytes, this.image.stateWords * 4);
  }

  explain(kind: PropertyKind, index: number, before: Int32Array | null): Explanation | null {
    if (before !== null && before !== this.before) this.before.set(before);
    if (kind === "step" && this.image.refinement !== null && index >= this.stepProperties.length - this.image.refinement.machines.length) return this.#explainRefusal(this.image.refinement);
    const found = this.#emitted.explain(kind, index);
    if (found === null) return null;
    return {
      conjunct: found.conjunct,
      values: found.operands.map(([name, value]) => ({ name, value: typeof value === "string" ? value : JSON.stringify(value) ?? String(value) })),
      source: this.#sourceOf(found.site),
    };
  }
}

/** The image has no functions to ask: its tables are whole. */
function noAnswer(machine: number, state: number, column: number): never {
  throw new Error(`[thpcheck internal] machine ${machine} has no answer for state ${state}, column ${column}`);
}

/** Unmapped lines before the emitted functions: the two that `new Function` adds, and "use strict". */
export const FUNCTION_HEADER_LINES = ";;;";

let instances = 0;
/** Only to make each instance's text unique; decides nothing. */
function instanceNumber(): number {
  return instances++;
}

/** Rounds of all loops together that one step, or one property, may take. A kernel that spins waits with a guard. */
export const STEP_ROUNDS_MAX = 10_000_000;

/** The prelude of every emitted text: views, choices, faults, locks. */
export function prelude(image: { readonly plan: LayoutPlan; readonly straight: boolean }): string {
  return `
const { vector: $vector, before: $before, plan: $plan, fault: $fault, observer: $observer, announce: $announce } = $deps;
const $B = new Uint8Array($vector.buffer), $H = new Uint16Array($vector.buffer), $W = new Uint32Array($vector.buffer);
const $PB = new Uint8Array($before.buffer), $PH = new Uint16Array($before.buffer), $PW = new Uint32Array($before.buffer);
const $isInteger = Number.isInteger;
let $fuel = 0;
function $endless(site) { $fault("endless-step", "this loop went round ${STEP_ROUNDS_MAX.toLocaleString("en")} times without a yield: the step does not end", site); }
let $me = 0, $R = undefined, $point = 0, $waitsFor = -1, $label = "";
let $ci = 0, $cl = 0;
const $cs = [], $cn = [], $cname = [];
const $lk = (${lockRuntime.toString()})($B, $plan.locks, ${image.plan.maskBytes}, $fault, $observer, ${image.straight});
function $isHeld(id) { return $lk.isHeld($B, id); }
function $isHeldP(id) { return $lk.isHeld($PB, id); }
function $choose(name, n, site) {
  if (!(n >= 1)) $fault("choose-from-nothing", \`choose("\${name}", \${n}): there is nothing to choose; guard the step instead\`, site);
  const i = $ci++;
  if (i >= $cl) { $cs[i] = 0; $cl = $ci; }
  else if (!($cs[i] < n)) $fault("choose-from-nothing", \`choose("\${name}", \${n}): the script says \${$cs[i]}; the step does not choose as it did when the script was made\`, site);
  $cn[i] = n; $cname[i] = name;
  return $cs[i];
}
function $bugOn(condition, message, site) { if (condition) $fault("assertion", message, site); }
function $oob(i, count, field, site) { $fault("range", \`\${$plan.fields[field].path}[\${i}]: the index is outside 0..\${count - 1}\`, site); }
function $noMember(m, field, site) { $fault("range", \`\${$plan.fields[field].path}: member \${m} is outside 0..\${$plan.fields[field].bits - 1}\`, site); }
function $fit(v, field, site) {
  const f = $plan.fields[field];
  if (f.wrapping && $isInteger(v)) { const n = f.max - f.min + 1; return (((v - f.min) % n) + n) % n; }
  $fault("range", \`\${f.path} = \${v}: the value does not fit \${f.min}..\${f.max}\`, site);
}
function $slotFit(v, name, min, max, site) { $fault("range", \`local \${name} = \${v}: the value does not fit \${min}..\${max}\`, site); }
function $popcount(m) { let n = 0; for (; m !== 0; m &= m - 1) n++; return n; }
function $pointLabel() { return ""; }
function nextBranch() {
  $cl = $ci;
  while ($cl > 0) {
    if (++$cs[$cl - 1] < $cn[$cl - 1]) { $ci = 0; return true; }
    $cl--;
  }
  $ci = 0;
  return false;
}
function branch() { return $cs.slice(0, $ci); }
function setBranch(choices) { $cl = choices.length; for (let i = 0; i < $cl; i++) $cs[i] = choices[i]; }
function branchNames() { return Array.from({ length: $ci }, (_, i) => $cname[i] + "=" + $cs[i]); }
`;
}


export function instantiate(data: unknown): CompiledSystem {
  return new CompiledSystem(data as ProgramImage);
}
