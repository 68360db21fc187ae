/**
 * Whether a printed trace shows each step that last wrote a word which the broken promise reads.
 *
 * The steps are computed from what the instrumented program reports of its accesses, and from nothing that the view of a
 * trace is made of (`checker/trace/story.ts`, `slice.ts`): a trace that hides one of them hides how its promise broke.
 */
import { compileImage } from "../../checker/compile/compile.ts";
import { CompiledSystem } from "../../checker/image/compiled-system.ts";
import type { FieldPlan, LayoutPlan } from "../../checker/program/layout.ts";
import { ATOMIC, READ, READ_ONCE, type StepObserver } from "../../checker/program/observer.ts";
import { makeWorld, positionOf, StateBytes } from "../../checker/program/world.ts";
import type { ReplayedTrace } from "../../checker/result.ts";
import type { Scenario } from "../../checker/scenario.ts";

/** A word that the broken promise reads, and the step that wrote it last; words that no step wrote are not listed. */
export interface LastWriter {
  readonly word: string;
  readonly step: number;
}

/** An element of a field, or a lock, by its field's number: `12:0:3`. */
type Key = string;
const keyOf = (f: FieldPlan, i: number, j: number): Key => `${f.id}:${i}:${f.length === null ? 0 : j}`;

/** What happened in one step, in order. */
interface Event {
  readonly key: Key;
  readonly kind: "read" | "write" | "atomic" | "lock";
  /** Within the condition of the last assertion that the step came to. */
  asserted: boolean;
}

class EventLog implements StepObserver {
  events: Event[] = [];
  readonly #plan: LayoutPlan;
  #asserting = false;
  #failed = false;
  constructor(plan: LayoutPlan) { this.#plan = plan; }

  /** Whether an assertion's condition was true, or was being evaluated, when the step ended. */
  get isInAssertion(): boolean { return this.#asserting || this.#failed; }
  begin(): void { this.events = []; this.#asserting = false; this.#failed = false; }
  access(field: number, i: number, j: number, mode: number): void {
    const f = this.#plan.fields[field]!;
    if (f.role === "statistic" || f.bits === 0) return;
    const kind = mode === READ || mode === READ_ONCE ? "read" : mode === ATOMIC ? "atomic" : "write";
    this.events.push({ key: keyOf(f, i, j), kind, asserted: this.#asserting });
  }
  acquire(lock: number): void { this.#lock(lock); }
  release(lock: number): void { this.#lock(lock); }
  acquireFailed(): void {}
  #lock(lock: number): void {
    this.events.push({ key: lockKey(this.#plan, lock), kind: "lock", asserted: false });
  }
  assertion(begins: boolean): void {
    this.#asserting = begins;
    // Only the last one, which may have failed, counts.
    if (begins) for (const e of this.events) e.asserted = false;
  }
  assertionFails(): void { this.#failed = true; }
  beginStep(): void {}
  endStep(): void {}
}

function lockKey(plan: LayoutPlan, lock: number): Key {
  const f = plan.fields.find((x) => x.lockBase >= 0 && lock >= x.lockBase && lock < x.lockBase + x.count)!;
  return keyOf(f, lock - f.lockBase, 0);
}

/** As traces print it. */
function nameOf(plan: LayoutPlan, key: Key): string {
  const [field, i, j] = key.split(":").map(Number) as [number, number, number];
  const f = plan.fields[field]!;
  if (f.lockBase >= 0) return plan.locks[f.lockBase + i]!.name;
  return `${f.singleton ? f.path : `${f.struct}[${i}].${f.field}`}${f.length === null ? "" : `[${j}]`}`;
}

/** Takes the trace once more and asks of each word that the promise reads in its last state who wrote it last. */
export function lastWriters(scenario: Scenario, replayed: ReplayedTrace): LastWriter[] {
  const image = compileImage(scenario, { variant: "instrumented", sourceMap: false });
  const { plan } = image;
  const log = new EventLog(plan);
  const system = new CompiledSystem(image, () => log);
  const actors = image.actors.map((a) => a.name);
  const { trace } = replayed;
  system.setBranch(trace.initial);
  system.init();
  const writer = new Map<Key, number>();
  let before = new StateBytes(system.vector.slice().buffer);
  trace.steps.forEach((step, n) => {
    before = new StateBytes(system.vector.slice().buffer);
    log.begin();
    attempt(() => { system.setBranch(step.choices); system.step(actors.indexOf(step.actor)); });
    const now = new StateBytes(system.vector.slice().buffer);
    for (const { key, kind } of log.events) {
      const wrote = kind === "write" || kind === "lock" || (kind === "atomic" && raw(plan, before, key) !== raw(plan, now, key));
      if (wrote) writer.set(key, n + 1);
    }
  });
  const last = log.events;
  const wasAsserting = log.isInAssertion;
  const worlds = [before, new StateBytes(system.vector.slice().buffer)].map((bytes) => (read: (key: Key) => void) =>
    listeningWorld(plan, bytes, image.stateWords * 4, read));
  const reads = new Reads(scenario, replayed, { plan, system, log, last, wasAsserting, worlds }).keys();
  return [...new Set(reads)].flatMap((key) => {
    const step = writer.get(key);
    return step === undefined ? [] : [{ word: nameOf(plan, key), step }];
  });
}

function raw(plan: LayoutPlan, bytes: StateBytes, key: Key): number {
  const [field, i, j] = key.split(":").map(Number) as [number, number, number];
  const f = plan.fields[field]!;
  return bytes.raw(f, positionOf(f, 0, i, j));
}

/** The last step of a trace may go wrong. */
function attempt(run: () => void): void {
  try {
    run();
  } catch {
    // That it does is what the trace shows.
  }
}

/** A world for promises: each accessor tells what it looks at. */
function listeningWorld(plan: LayoutPlan, bytes: StateBytes, statisticBase: number, read: (key: Key) => void): unknown {
  const looks = new Set(["get", "once", "has", "size", "isHeld"]);
  const world = makeWorld(plan, bytes, statisticBase) as Record<string, Record<string, object>>;
  const listening = (f: FieldPlan, accessor: object): object => new Proxy(accessor, {
    get(target, name, receiver): unknown {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function" || !looks.has(String(name))) return member;
      return (...args: number[]): unknown => {
        const [i, j] = f.singleton ? [0, args[0]] : [args[0]!, args[1]];
        read(keyOf(f, i, j ?? 0));
        return (member as (...a: number[]) => unknown).apply(target, args);
      };
    },
  });
  return new Proxy(world, {
    get: (structs, struct) => typeof struct !== "string" || structs[struct] === undefined ? undefined : new Proxy(structs[struct], {
      get(fields, field): unknown {
        const f = plan.fields.find((x) => x.struct === struct && x.field === field);
        const accessor = fields[String(field)];
        return f === undefined || accessor === undefined || f.role === "statistic" ? accessor : listening(f, accessor);
      },
    }),
  });
}

interface AtEnd {
  readonly plan: LayoutPlan;
  readonly system: CompiledSystem;
  readonly log: EventLog;
  /** The events of the last step. */
  readonly last: readonly Event[];
  readonly wasAsserting: boolean;
  /** Of the states before and after the last step. */
  readonly worlds: readonly ((read: (key: Key) => void) => unknown)[];
}

/** What the broken promise reads where it breaks. */
class Reads {
  readonly #scenario: Scenario;
  readonly #replayed: ReplayedTrace;
  readonly #end: AtEnd;
  constructor(scenario: Scenario, replayed: ReplayedTrace, end: AtEnd) {
    this.#scenario = scenario;
    this.#replayed = replayed;
    this.#end = end;
  }

  keys(): Key[] {
    const { kind, name } = this.#replayed.property;
    if (kind === "deadlock") return this.#ofStuckActors();
    if (kind === "fault") return this.#ofFault(name);
    const promise = (this.#scenario as unknown as Record<string, Record<string, unknown> | undefined>)[kind]?.[name];
    if (typeof promise !== "function") throw new Error(`${this.#scenario.name} has no promise ${kind} ${JSON.stringify(name)}`);
    const found: Key[] = [];
    const worlds = this.#end.worlds.map((of) => of((key) => { found.push(key); }));
    attempt(() => { (promise as (...w: unknown[]) => unknown)(...(kind === "step" ? worlds : worlds.slice(1))); });
    return found;
  }

  /** An assertion: what its condition reads. A rule about locks: those that its message names. Else all that the step reads. */
  #ofFault(rule: string): Key[] {
    const { plan, last, wasAsserting } = this.#end;
    const looks = last.filter((e) => e.kind === "read" || e.kind === "atomic");
    const condition = looks.filter((e) => e.asserted);
    if (rule === "assertion" && wasAsserting && condition.length > 0) return condition.map((e) => e.key);
    if (rule === "assertion") return looks.map((e) => e.key);
    const words = this.#replayed.message.split(/[\s,;:()]+/);
    const named = plan.locks.filter((l) => words.includes(l.name));
    return named.length > 0 ? named.map((l) => lockKey(plan, l.id)) : looks.map((e) => e.key);
  }

  /** Locks that are waited for, and what keeps guards false. */
  #ofStuckActors(): Key[] {
    const { plan, system, log } = this.#end;
    return system.actors.flatMap((_, actor) => {
      if (system.atRest(actor)) return [];
      const wanted = system.position(actor).waitsFor;
      const lock = plan.locks.find((l) => l.name === wanted?.lock);
      const saved = system.vector.slice();
      log.begin();
      attempt(() => { system.setBranch([]); system.step(actor); });
      system.vector.set(saved);
      const guard = log.events.filter((e) => e.kind === "read").map((e) => e.key);
      return lock === undefined ? guard : [...guard, lockKey(plan, lock.id)];
    });
  }
}

/** Those that the text does not show: a step of its own, by its number, in whose lines the word is named. */
export function missingFrom(text: string, writers: readonly LastWriter[]): LastWriter[] {
  const steps = stepsShown(text);
  return writers.filter(({ word, step }) => {
    const shown = steps.get(step);
    return shown === undefined || !shown.split(/[\s,;:]+/).includes(word);
  });
}

/** The text of each step that is shown by itself, by its number. */
function stepsShown(text: string): Map<number, string> {
  const shown = new Map<number, string>();
  let current: number | null = null;
  for (const line of text.slice(0, text.indexOf("\nbroken: ")).split("\n")) {
    const head = /^ *(\d+|\d+-\d+|~~~~)(?= {1,2}\S| {3})/.exec(line);
    if (head !== null) current = /^\d+$/.test(head[1]!) ? Number(head[1]) : null;
    else if (line === "") current = null;
    if (current !== null) shown.set(current, `${shown.get(current) ?? ""} ${line.replace(/\|/g, " ")}`);
  }
  return shown;
}
