/** A transition system small enough to write by hand: threads of straight-line steps over named words. */
import { STEP_DISABLED, STEP_TAKEN, type ActorPosition, type Explanation, type NamedValue, type PropertyKind, type TransitionSystem } from "../../../checker/system.ts";
import { StepFault } from "../../../checker/fault.ts";

export type Words = Record<string, number>;

export interface ToyStep {
  readonly label: string;
  readonly guard?: (w: Words) => boolean;
  /** The lock the guard waits for, and the word that holds its owner + 1. */
  readonly lock?: string;
  readonly run: (w: Words, choose: (name: string, n: number) => number, me: number) => void;
}

export interface ToyProgram {
  readonly words: Words;
  readonly init?: (w: Words, choose: (name: string, n: number) => number) => void;
  readonly threads: Readonly<Record<string, readonly ToyStep[]>>;
  readonly always?: Readonly<Record<string, (w: Words) => boolean>>;
  readonly step?: Readonly<Record<string, (before: Words, after: Words) => boolean>>;
  readonly finally?: Readonly<Record<string, (w: Words) => boolean>>;
  readonly sometimes?: Readonly<Record<string, (w: Words) => boolean>>;
}

export class ToySystem implements TransitionSystem {
  readonly #program: ToyProgram;
  readonly #names: string[];
  readonly #threads: readonly (readonly ToyStep[])[];
  readonly stateWords: number;
  readonly vector: Int32Array;
  readonly actors: { name: string; daemon: boolean }[];
  readonly always: string[];
  readonly stepProperties: string[];
  readonly finally: string[];
  readonly sometimes: string[];
  #script: number[] = [];
  #sizes: number[] = [];
  #taken: number[] = [];
  #choiceNames: string[] = [];
  #label = "";

  constructor(program: ToyProgram) {
    this.#program = program;
    this.#names = Object.keys(program.words);
    this.#threads = Object.values(program.threads);
    this.actors = Object.keys(program.threads).map((name) => ({ name, daemon: false }));
    this.stateWords = this.#names.length + this.#threads.length;
    this.vector = new Int32Array(this.stateWords);
    this.always = Object.keys(program.always ?? {});
    this.stepProperties = Object.keys(program.step ?? {});
    this.finally = Object.keys(program.finally ?? {});
    this.sometimes = Object.keys(program.sometimes ?? {});
  }

  #read(vector: Int32Array = this.vector): Words {
    return Object.fromEntries(this.#names.map((n, i) => [n, vector[i]!]));
  }
  #write(w: Words): void {
    this.#names.forEach((n, i) => { this.vector[i] = w[n]!; });
  }
  #pc(actor: number): number { return this.vector[this.#names.length + actor]!; }
  #next(actor: number): ToyStep | undefined { return this.#threads[actor]![this.#pc(actor)]; }
  readonly #choose = (name: string, n: number): number => {
    const at = this.#taken.length;
    const choice = this.#script[at] ?? 0;
    this.#taken.push(choice);
    this.#sizes.push(n);
    this.#choiceNames.push(`${name}=${choice}`);
    if (choice >= n) throw new RangeError(`choice ${choice} of ${n}`);
    return choice;
  };
  #begin(): void {
    this.#taken = [];
    this.#sizes = [];
    this.#choiceNames = [];
  }

  init(): void {
    this.#begin();
    this.vector.fill(0);
    const w = { ...this.#program.words };
    this.#program.init?.(w, this.#choose);
    this.#write(w);
  }
  step(actor: number): number {
    this.#begin();
    const next = this.#next(actor);
    const w = this.#read();
    if (next === undefined || next.guard?.(w) === false) return STEP_DISABLED;
    this.#label = next.label;
    next.run(w, this.#choose, actor);
    this.#write(w);
    this.vector[this.#names.length + actor]!++;
    return STEP_TAKEN;
  }
  nextBranch(): boolean {
    const script = [...this.#taken];
    for (let i = script.length - 1; i >= 0; i--) {
      if (script[i]! + 1 < this.#sizes[i]!) {
        this.#script = [...script.slice(0, i), script[i]! + 1];
        return true;
      }
    }
    this.#script = [];
    return false;
  }
  branch(): number[] { return [...this.#taken]; }
  setBranch(choices: readonly number[]): void { this.#script = [...choices]; }

  checkState(): number { return Object.values(this.#program.always ?? {}).findIndex((p) => !p(this.#read())); }
  checkStep(before: Int32Array): number { return Object.values(this.#program.step ?? {}).findIndex((p) => !p(this.#read(before), this.#read())); }
  checkEnd(): number { return Object.values(this.#program.finally ?? {}).findIndex((p) => !p(this.#read())); }
  isBroken(kind: PropertyKind, index: number, before: Int32Array | null): boolean {
    const { always, step, finally: final } = this.#program;
    if (kind === "step") return !Object.values(step ?? {})[index]!(this.#read(before!), this.#read());
    return !Object.values((kind === "always" ? always : final) ?? {})[index]!(this.#read());
  }
  witness(index: number): boolean { return Object.values(this.#program.sometimes ?? {})[index]!(this.#read()); }
  atRest(actor: number): boolean { return this.#next(actor) === undefined; }
  label(): string { return this.#label; }
  branchNames(): string[] { return [...this.#choiceNames]; }
  position(actor: number): ActorPosition {
    const next = this.#next(actor);
    if (next === undefined) return { label: null, stack: [], waitsFor: null };
    const owner = next.lock === undefined ? 0 : this.#read()[next.lock]!;
    return {
      label: next.label,
      stack: [{ routine: this.actors[actor]!.name, file: "toy.ts", line: this.#pc(actor) + 1 }],
      waitsFor: next.lock === undefined ? null : { lock: next.lock, holders: owner === 0 ? [] : [this.actors[owner - 1]!.name] },
    };
  }
  values(): NamedValue[] { return Object.entries(this.#read()).map(([name, value]) => ({ name, value: String(value) })); }
  statistics(): NamedValue[] { return []; }
  explain(kind: PropertyKind, index: number): Explanation | null {
    const names = kind === "always" ? this.always : kind === "step" ? this.stepProperties : this.finally;
    return { conjunct: names[index]!, values: this.values(), source: "toy.ts:99" };
  }
}

const increment = (mine: string): ToyStep[] => [
  { label: "load", run: (w) => { w[mine] = w["counter"]!; } },
  { label: "store", run: (w) => { w["counter"] = w[mine]! + 1; } },
];
/** Two threads that increment a counter without a lock: an update can be lost. Five steps are needed to see it at the end. */
export const racyCounter: ToyProgram = {
  words: { counter: 0, a: 0, b: 0 },
  threads: { alice: increment("a"), bob: increment("b") },
  finally: { "no update is lost": (w) => w["counter"] === 2 },
};

const lock = (name: string): ToyStep => ({ label: `mutex_lock(${name})`, lock: name, guard: (w) => w[name] === 0, run: (w, _choose, me) => { w[name] = me + 1; } });
const unlock = (name: string): ToyStep => ({ label: `mutex_unlock(${name})`, run: (w) => { w[name] = 0; } });
/** Two locks taken in two orders. */
export const lockInversion: ToyProgram = {
  words: { left: 0, right: 0 },
  threads: { alice: [lock("left"), lock("right"), unlock("right"), unlock("left")], bob: [lock("right"), lock("left"), unlock("left"), unlock("right")] },
};

/** One thread that chooses a page and may step on a bad one. */
export const badChoice: ToyProgram = {
  words: { page: -1 },
  init: (w, choose) => { w["page"] = -1 - choose("start", 2); },
  threads: {
    alice: [{
      label: "alloc",
      run: (w, choose) => {
        w["page"] = choose("page", 4);
        if (w["page"] === 3) throw new StepFault("assertion", "page 3 is poisoned", "toy.ts:7");
      },
    }],
  },
};
