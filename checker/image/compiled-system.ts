/**
 * A program image as a transition system. Its text is evaluated anew for each instance; positions, values and
 * explanations are read from the image's tables.
 */
import { isError, placeOf, thrownInWords } from "../error-sentence.ts";
import { StepFault, type FaultRule } from "../fault.ts";
import { inWords as valueInWords } from "../value-in-words.ts";
import { coverageLog } from "../program/coverage-log.ts";
import type { StepObserver } from "../program/observer.ts";
import { statisticValues, structValues } from "../program/values.ts";
import { StateBytes, writeInitialValues } from "../program/world.ts";
import type { RefinementPlan } from "../refinement-plan.ts";
import type {
  ActorInfo, ActorPosition, BlockCounts, CallOutcomes,
  Excuses, Explanation, Incremental, Liveness, NamedValue, PropertyKind, Recurring, RefinementChecks,
  OutsideCallSite, SourceFrame, TransitionSystem,
} from "../system.ts";
import { changedBits, eventsInWords, explainRefusal } from "./explain-refusal.ts";
import type { FrameLayout, FramePlan, Point, ProgramImage, RoutineImage, Slot } from "./image.ts";
import type { Refusal, RefinementRuntime } from "./refinement-runtime.ts";

/** What a machine answers for a state and a column of its table. */
export type Ask = (machine: number, state: number, column: number) => number;

/** Where a thread stands in one of the routines that it is in. */
interface Frame {
  readonly routine: RoutineImage;
  readonly point: Point;
  readonly layout: FrameLayout;
  /** First byte of the frame in the state. */
  readonly base: number;
}

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
  isBroken(kind: PropertyKind, index: number): boolean;
  witness(index: number): boolean;
  recurs(index: number): boolean;
  /** Where something is promised of whole runs. */
  shows?(predicate: number): boolean;
  initially(): boolean;
  within(): boolean;
  modelAtRest(actor: number): boolean;
  result(): unknown;
  coverage(): Float64Array;
  calls(): Uint8Array;
  point(): number;
  waitsFor(): number;
  modelLabel(): string;
  explain(kind: string, index: number): ExplainedReturn | null;
  readonly refined: RefinementRuntime | null;
  /** Checks the last step again. */
  refine?(): number;
  /** Whether the machine refuses the last step, whatever others do; counts nothing. */
  refuses?(machine: number): boolean;
  /** The record of the events of the last step. */
  events?(): Int32Array;
}
/** One evaluated return of a property: its conjuncts until the first that failed. */
export interface ExplainedReturn {
  readonly conjunct: string;
  readonly site: number;
  readonly operands: readonly (readonly [string, unknown])[];
  /** What the property threw. */
  readonly error?: unknown;
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
  readonly incremental: Incremental;
  readonly excuses?: Excuses;
  readonly refinement?: RefinementChecks;
  readonly coverage: BlockCounts;
  readonly recurring?: Recurring;
  readonly liveness?: Liveness;
  readonly calls?: CallOutcomes;
  readonly isInitial?: () => boolean;
  readonly isBeyond?: () => boolean;
  readonly deadlockIsFine: boolean;
  readonly restless: readonly boolean[];
  readonly checkStep: (before: Int32Array) => number;
  readonly checkEnd: () => number;
  readonly witness: (index: number) => boolean;
  readonly #emitted: Emitted;
  readonly #bytes: StateBytes;
  readonly #routines: ReadonlyMap<string, RoutineImage>;

  /**
   * `observe` makes the observer of an instrumented image, given the bytes that hold the state. `ask` fills the tables of
   * machines where they have holes.
   */
  constructor(image: ProgramImage, observe: ((bytes: StateBytes) => StepObserver) | null = null, ask: Ask = noAnswer) {
    this.image = image;
    this.stateWords = image.stateWords;
    this.vector = new Int32Array(image.stateWords + image.statisticWords);
    const before = new Int32Array(this.vector.length);
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
    const make = new Function("$deps", programText(image)) as (deps: object) => Emitted;
    const e = make({
      vector: this.vector, before, plan: image.plan, fault,
      refinement: image.refinement, ask, all: image.refineAll,
      observer: observe === null ? null : observe(this.#bytes),
      announce: log === null ? () => {} : log.announce,
      beyond: image.beyond, statisticBase: image.stateWords * 4,
      writeInitialValues: () => writeInitialValues(image.plan, this.#bytes, image.stateWords * 4),
    });
    log?.add(image.blocks.map((site) => image.sites[site]!), e.coverage());
    this.#emitted = e;
    this.init = e.init;
    this.step = e.step;
    this.nextBranch = e.nextBranch;
    this.branch = e.branch;
    this.setBranch = e.setBranch;
    this.branchNames = e.branchNames;
    this.checkState = e.checkState;
    const words = Math.ceil((image.always.length + image.excuses) / 32);
    this.incremental = {
      before, changes: { words: e.changed, find: e.find }, checkChanges: e.checkChanges,
      affected: { words, mark: e.markAffected, check: e.checkSome, excused: e.excused },
    };
    if (image.excuses > 0) this.excuses = { count: image.excuses, of: image.excuseOf, evaluate: e.excuses };
    if (image.refinement !== null) this.refinement = { plan: image.refinement, ask, counts: () => e.refined!.counts };
    if (image.recurring.length > 0) this.recurring = { names: image.recurring, holds: e.recurs };
    if (image.liveness !== undefined) this.liveness = { ...image.liveness, holds: e.shows! };
    if (image.initially) this.isInitial = e.initially;
    if (image.within) this.isBeyond = () => !e.within();
    this.deadlockIsFine = image.deadlockIsFine;
    if (image.calls.length > 0) this.calls = { sites: callSites(image), seen: e.calls };
    // A thread that can move stands at a yield: only a daemon rests there, or whoever stands at an idle one.
    const idles = image.routines.some((r) => r.points.some((p) => p?.idle === true));
    this.restless = image.actors.map((a) => image.roots.length > 0 && !a.daemon && !idles);
    this.coverage = {
      sites: image.blocks.map((site) => image.sites[site]!),
      raw: e.coverage,
      counts: () => {
        const counts = e.coverage();
        return image.blocks.map((site, n) => ({ site: image.sites[site]!, count: counts[n]! }));
      },
    };
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
  #frames(actor: number): Frame[] {
    const root = this.image.roots[actor]!;
    const frames: Frame[] = [];
    let base = root.base;
    for (let name: string | null = root.routine; name !== null; ) {
      const routine: RoutineImage = this.#routines.get(name)!;
      const pc = this.#readPc(routine.frame, base);
      const point: Point | null = routine.points[pc] ?? null;
      if (point === null) break;
      const layout = routine.frame.layouts[pc]!;
      frames.unshift({ routine, point, layout, base });
      base += layout.bytes;
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
    if (this.image.roots.length === 0) return { label: null, ended: false, stack: [], waitsFor: null };
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
  #lockAt(actor: number, frame: Frame): number {
    const slot = frame.layout.slots.find((s) => s.variable === frame.point.lockVariable);
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
    const held = this.image.plan.locks.filter((l) => this.#holds(actor, l.id));
    return held.map((l) => ({ lock: l.id, mode: this.#bytes.u8[l.offset] === actor + 1 ? "exclusive" : "shared" }));
  }

  values(): NamedValue[] {
    const out = structValues(this.image.plan, this.#bytes, this.actors.map((a) => a.name), this.image.stateWords * 4);
    this.image.roots.forEach((_, actor) => {
      for (const f of this.#frames(actor).reverse()) {
        for (const variable of f.point.live) {
          const s = f.layout.slots.find((x) => x.variable === variable);
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

  /** The instance that the last step does not refine, as the last `explain` found it. */
  refusal(): Refusal | null {
    return this.#emitted.refined?.refusal() ?? null;
  }

  /** The state of an instance, numbered among those of all machines, in words; null where no state of its machine is that of `vector`. */
  machineState(instance: number): string | null {
    const { refinement } = this.image;
    if (refinement === null) return null;
    const machine = refinement.machines[refinement.machineOf[instance]!]!;
    return machine.descriptions[this.#emitted.refined!.abstract(instance)] ?? null;
  }

  /** What the last step announced, in words: `PTE_SET(0, 2)`. Asked right after the step. */
  announced(): string[] {
    const { refinement } = this.image;
    return refinement === null ? [] : eventsInWords(refinement, this.#emitted.events!());
  }

  isBroken(kind: PropertyKind, index: number, before: Int32Array | null): boolean {
    if (before !== null) {
      if (before !== this.incremental.before) this.incremental.before.set(before);
      this.incremental.changes.find();
    }
    const machine = this.#machineOf(kind, index);
    return machine < 0 ? this.#emitted.isBroken(kind, index) : this.#emitted.refuses!(machine);
  }

  /** The machine whose property this is; negative: that of none. */
  #machineOf(kind: PropertyKind, index: number): number {
    const machines = this.image.refinement?.machines.length ?? 0;
    return kind === "step" && machines > 0 ? index - (this.stepProperties.length - machines) : -1;
  }

  #explainRefusal(plan: RefinementPlan, machine: number): Explanation | null {
    const { refined, refine, refuses, events } = this.#emitted;
    refine!();
    if (refined!.refusal()?.machine !== machine) refuses!(machine);
    const refusal = refined!.refusal();
    if (refusal === null) return null;
    const changed = changedBits(plan, refusal.instance, this.incremental.before, this.vector).size > 0;
    return explainRefusal(plan, refusal, refined!.abstract(refusal.instance), changed, events!(), (site) => this.#sourceOf(site));
  }

  statistics(): NamedValue[] {
    return statisticValues(this.image.plan, this.#bytes, this.image.stateWords * 4);
  }

  explain(kind: PropertyKind, index: number, before: Int32Array | null): Explanation | null {
    if (before !== null && before !== this.incremental.before) this.incremental.before.set(before);
    const { refinement } = this.image;
    const machine = this.#machineOf(kind, index);
    if (refinement !== null && machine >= 0) return this.#explainRefusal(refinement, machine);
    const found = this.#emitted.explain(kind, index);
    if (found === null) return null;
    if ("error" in found) return thrown(found.error);
    return {
      conjunct: found.conjunct,
      values: found.operands.map(([name, value]) => ({ name, value: inWords(value) })),
      source: this.#sourceOf(found.site),
    };
  }
}

/** A property that throws instead of having a value. */
function thrown(error: unknown): Explanation {
  const isFault = error instanceof StepFault;
  const said = isError(error) && !isFault ? `${error.name}: ${thrownInWords(error)}` : thrownInWords(error);
  return { conjunct: "", values: [], source: isFault && error.source !== null ? error.source : placeOf(error), throws: said };
}

/** Which actors run which of the places. */
function callSites(image: ProgramImage): OutsideCallSite[] {
  const calleesOf = new Map(image.routines.map((r) => [r.emitted, r.points.flatMap((p) => p?.callee ?? [])]));
  const reached = image.roots.map(({ routine }) => {
    const found = new Set([routine]);
    for (const name of found) for (const callee of calleesOf.get(name) ?? []) found.add(callee);
    return found;
  });
  return image.calls.map(({ routine, site, callee }) => ({
    callee, place: image.sites[site]!, actors: reached.flatMap((routines, actor) => (routines.has(routine) ? [actor] : [])),
  }));
}

/** A text as it is, what JSON can hold as JSON, anything else by what it is. */
function inWords(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) ?? valueInWords(value);
  } catch {
    return valueInWords(value);
  }
}

/** The image has no functions to ask: its tables are whole. */
function noAnswer(machine: number, state: number, column: number): never {
  throw new Error(`[thpcheck internal] machine ${machine} has no answer for state ${state}, column ${column}`);
}

/** The text of a new instance. It is unique for each, so that V8 compiles and specialises it afresh. */
function programText({ code, scenario, map }: ProgramImage): string {
  const base64 = map === null ? null : Buffer.from(JSON.stringify(map)).toString("base64");
  const source = base64 === null ? "" : `\n//# sourceMappingURL=data:application/json;base64,${base64}`;
  return `"use strict";\n${code}\n//# sourceURL=thpcheck-${scenario}-${instanceNumber()}.js${source}`;
}

/** Unmapped lines before the emitted functions: the two that `new Function` adds, and "use strict". */
export const FUNCTION_HEADER_LINES = ";;;";

let instances = 0;
/** Only to make each instance's text unique; decides nothing. */
function instanceNumber(): number {
  return instances++;
}

/** The system of an image that was handed to a worker thread. */
export function instantiate(data: unknown): CompiledSystem {
  return new CompiledSystem(data as ProgramImage);
}
