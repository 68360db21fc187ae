/**
 * From a path of a scenario to a run: which calls its threads make, with which arguments, and where the turn goes from one to
 * the other. The path is taken once more; calls are told by the routines of impl/entry/ in which a thread stands.
 */
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { CompiledSystem } from "../../../checker/image/compiled-system.ts";
import { StateBytes, makeWorld } from "../../../checker/program/world.ts";
import { isModel, type Scenario } from "../../../checker/scenario.ts";
import type { Path } from "../../../checker/search/steps.ts";
import type { SourceFrame } from "../../../checker/system.ts";
import { STEP_DISABLED } from "../../../checker/system.ts";
import { SourceText } from "../../../checker/trace/source-text.ts";
import { ENABLED_ALWAYS, ENABLED_NEVER } from "../../../impl/config/knobs.ts";
import type { KernelConfig, KernelOptions } from "../../../impl/config/options.ts";
import type { gateStructs } from "../../../impl/entry/boot.ts";
import type { Kernel } from "../../../impl/mm-types.ts";
import { VM_READ, VM_WRITE } from "../../../impl/structs/vma.ts";
import { DEFAULT_KNOBS, HPAGE, type Knobs } from "../../conformance/program.ts";
import { SIDES, type Side } from "../schedule.ts";
import { callOf, isCall } from "./call.ts";
import { argumentsIn } from "./constant.ts";
import { placeIn, PlaceCounts } from "./place.ts";
import { NotForceable, type Call, type Place, type Run, type Turn } from "./run.ts";
import type { World } from "thpcheck";

type K = Kernel & World<ReturnType<typeof gateStructs>>;
/** Routines in which threads of scenarios stand that are no calls. */
const GATES = new Set(["openGate", "passGate", "scheduleIn"]);
/** Gives a reference back, behind the last call: the agent keeps it until its processes end. */
const GIVES_BACK = "folioPut";
const CALLS_MAX = 8;
/** A run has an end. */
const STEPS_MAX = 20_000;

/** What one thread of the scenario has done until now. */
interface Thread {
  readonly calls: Call[];
  /** The call in which it stands: from where it is made, and of what; null: in none. */
  now: string | null;
  gaveBack: boolean;
  /** In the calls behind the gate. */
  readonly places: PlaceCounts;
}

/** Throws a NotForceable that says what of it cannot be forced. */
export function runOf(scenario: Scenario, path: Path): Run {
  if (isModel(scenario)) throw new NotForceable(`${scenario.name} is a model of its own, and no program of kernel calls`);
  return new Extraction(scenario).run(path);
}

class Extraction {
  readonly #scenario: Scenario;
  readonly #system: CompiledSystem;
  readonly #k: K;
  readonly #text: SourceText;
  readonly #config: KernelConfig;
  readonly #threads: Thread[];
  readonly #memory: Call[] = [];
  /** By actor: behind the gate, in the order in which they make their first call. */
  readonly #sides: number[] = [];
  readonly #turns: Turn[] = [];
  #alone = false;
  /** Nobody waits for the first thread: all begin at once. */
  #isUngated = false;
  #faulted = false;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#config = scenario.config as unknown as KernelConfig;
    if (scenario.config?.["pagesPerHugePage"] === undefined) refuse(`${scenario.name} is about no kernel`);
    if (this.#config.policy !== undefined) refuse("reservations are in no kernel");
    this.#system = compileScenario(scenario, { sourceMap: false }).system;
    const { vector, stateWords, image } = this.#system;
    this.#k = makeWorld(image.plan, new StateBytes(vector.buffer), stateWords * 4) as unknown as K;
    this.#text = new SourceText(scenario);
    this.#threads = this.#system.actors.map(() => ({ calls: [], now: null, gaveBack: false, places: new PlaceCounts() }));
  }

  run({ initial, steps }: Path): Run {
    const system = this.#system;
    system.setBranch(initial);
    system.init();
    const areaEnd = this.#areaEnd();
    this.#isUngated = !system.actors.some((_, actor) => system.position(actor).stack.some((f) => f.routine === "passGate"));
    this.#system.actors.forEach((_, actor) => { this.#note(actor); });
    for (const { actor, choices } of steps) {
      system.setBranch(choices);
      try {
        if (system.step(actor) === STEP_DISABLED) throw new RangeError(`${this.#scenario.name}: the path does not apply`);
      } catch (e) {
        // The step that shows the fault is the last.
        if (e instanceof RangeError) throw e;
        this.#faulted = true;
        break;
      }
      this.#note(actor, true);
    }
    const turns = [...this.#turns];
    if (!this.#faulted) this.#goOn();
    const third = this.#sides.length > 2 ? [this.#callsOf(2)] : [];
    return {
      name: this.#scenario.name, options: this.#options(), ranges: this.#config.hugeRanges, knobs: this.#knobs(), areaEnd,
      memory: this.#memory, calls: [this.#callsOf(0), this.#callsOf(1), ...third], turns, alone: this.#alone,
    };
  }

  /** To the end, for the calls that the threads make behind the path. Of one that ends with a fault there is nothing behind. */
  #goOn(): void {
    const system = this.#system;
    try {
      for (let n = 0; n < STEPS_MAX; n++) {
        system.setBranch([]);
        const actor = system.actors.findIndex((_, a) => system.step(a) !== STEP_DISABLED);
        if (actor < 0) return;
        this.#note(actor, true);
      }
    } catch (e) {
      if (e instanceof NotForceable) throw e;
    }
  }

  #callsOf(side: Side): readonly Call[] {
    const actor = this.#sides[side];
    if (actor === undefined) refuse("only one thread makes calls when the memory is there");
    const { calls } = this.#threads[actor]!;
    if (calls.length > CALLS_MAX) refuse(`${this.#nameOf(actor)} makes more than ${CALLS_MAX} calls`);
    return calls;
  }
  #nameOf(actor: number): string { return this.#system.actors[actor]!.name; }

  // ---- what there is at first ----------------------------------------------------------------------------------------

  /** One area that can be read and written, and nothing mapped: what mmap() makes. */
  #areaEnd(): number {
    const k = this.#k;
    const areas = Array.from({ length: k.vma.count }, (_, v) => v).filter((v) => k.vma.mm.get(v) >= 0);
    const [only] = areas;
    const isPlain = only !== undefined && areas.length === 1 && k.vma.mm.get(only) === 0 && k.vma.start.get(only) === 0 &&
      k.vma.flags.get(only) === (VM_READ | VM_WRITE) && k.vma.anonVma.get(only) < 0;
    if (!isPlain) refuse("its memory is made by no system calls");
    for (let range = 0; range < k.param.hugeRanges.get(); range++) {
      if (k.mm.pmd.get(0, range) !== 0) refuse("its memory is made by no system calls");
    }
    return k.vma.end.get(only);
  }
  #knobs(): Knobs {
    const { enabled, maxPtesNone, pagesPerHugePage: h } = this.#config;
    const word = enabled === ENABLED_ALWAYS ? "always" : enabled === ENABLED_NEVER ? "never" : "madvise";
    return { ...DEFAULT_KNOBS, enabled: word, max_ptes_none: maxPtesNone === h - 1 ? HPAGE - 1 : maxPtesNone };
  }
  /** Room for two more processes, an area behind the others, and whatever else a real machine has. */
  #options(): KernelOptions {
    const { pagesPerHugePage: h, hugeRanges, ...config } = this.#config;
    return {
      ...config, pagesPerHugePage: h, hugeRanges: hugeRanges + 2, pmdsPerPage: hugeRanges + 2,
      frames: Math.max(config.frames, 10 * h), mms: 3, cpus: 6, vmas: 12, anonVmas: 12, anonVmaChains: 24,
      pageTables: 3 * (hugeRanges + 2) + 6, refcountMax: 31, lruBatch: 2 * h + 2, gatherBatch: h,
    };
  }

  // ---- step by step ----------------------------------------------------------------------------------------------

  /** The actor stands at another place; `moved`: by a step of its own. */
  #note(actor: number, moved = false): void {
    const frames = this.#system.position(actor).stack.toReversed();
    const thread = this.#threads[actor]!;
    const at = frames.findIndex((f) => isCall(f.routine));
    const outside = frames.length > 1 && at < 0 && !frames.some((f) => GATES.has(f.routine)) ? frames[1]!.routine : null;
    if (outside !== null && outside !== GIVES_BACK) refuse(`${this.#nameOf(actor)} does what no call of the agent does: ${outside}()`);
    const before = thread.now;
    if (outside !== null) thread.gaveBack = true;
    if (at < 0) thread.now = null;
    else {
      const { key, args } = this.#callAt(actor, frames, at);
      if (key !== thread.now) {
        thread.now = key;
        this.#begins(actor, frames[at]!.routine, args);
      }
    }
    const isBegun = this.#isUngated || this.#k.gate.open.get();
    if (!isBegun || (before === null && thread.now === null)) return;
    const call = thread.calls.length - (thread.now === null ? 0 : 1);
    const place = thread.places.counted(placeIn(at < 0 ? [] : frames.slice(at), this.#system.position(actor).label, call));
    if (moved) this.#turnOf(actor, place);
  }

  #callAt(actor: number, frames: readonly SourceFrame[], at: number): { readonly key: string; readonly args: readonly number[] } {
    const [caller, { routine }] = [frames[at - 1]!, frames[at]!];
    const text = this.#text.call(caller.file, caller.line, routine);
    const of = `${this.#nameOf(actor)}/${caller.routine}.`;
    const locals = new Map(this.#system.values().flatMap(({ name, value }): [string, number][] =>
      (name.startsWith(of) && /^-?\d+$/.test(value) ? [[name.slice(of.length), Number(value)]] : [])));
    const args = text === null ? null : argumentsIn(text, locals);
    if (args === null) refuse(`the arguments of ${text ?? routine} (line ${caller.line}) are no constants`);
    return { key: JSON.stringify([frames.slice(0, at).map((f) => f.line), routine, args]), args };
  }

  #begins(actor: number, routine: string, args: readonly number[]): void {
    const h = this.#config.pagesPerHugePage;
    const isOpen = this.#k.gate.open.get();
    const { call, isLast } = callOf(routine, args, h, !isOpen && !this.#isUngated);
    if (!isOpen && !this.#isUngated) {
      this.#memory.push(call);
      return;
    }
    if (!this.#sides.includes(actor)) this.#sides.push(actor);
    if (this.#sides.length > SIDES.length) refuse(`more than ${SIDES.length} threads make calls at the same time`);
    if (this.#k.cpu.mm.get(actor) !== 0) refuse(`${this.#nameOf(actor)} is a thread of another process`);
    if (isLast) this.#alone = true;
    if (this.#threads[actor]!.gaveBack) refuse(`${this.#nameOf(actor)} goes on when it has given a reference back`);
    this.#threads[actor]!.calls.push(call);
  }
  #turnOf(actor: number, until: Place): void {
    const side = this.#sides.indexOf(actor) as Side;
    if (this.#turns.at(-1)?.side === side) this.#turns.pop();
    this.#turns.push({ side, until });
  }
}

function refuse(why: string): never {
  throw new NotForceable(why);
}
