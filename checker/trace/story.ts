/**
 * The story of a trace: which words the broken promise reads, which step wrote each of them last, and what each step did
 * to memory and locks. From it a view chooses the steps that matter (`slice.ts`).
 *
 * The trace is taken once more by the instrumented variant, since the plain one does not tell what it reads.
 */
import { compileImage } from "../compile/compile.ts";
import { StepFault } from "../fault.ts";
import { CompiledSystem } from "../image/compiled-system.ts";
import { elementText, type Shows } from "../program/value-text.ts";
import { showsOf } from "../program/values.ts";
import { StateBytes } from "../program/world.ts";
import type { ReadWord, ReplayedTrace, StoryStep, TraceStory } from "../result.ts";
import { isModel, type Scenario } from "../scenario.ts";
import type { NamedValue, SourceFrame } from "../system.ts";
import { AccessRecorder, emptyLog, type StepLog, type Word } from "./access-log.ts";
import { attempt, blockedActors, promiseReads } from "./promise-reads.ts";
import { CallTimes } from "./call-times.ts";
import { FreshReads } from "./fresh-reads.ts";
import { SourceText } from "./source-text.ts";
import { StaleReads } from "./stale-reads.ts";

/**
 * The story; null where nobody sees the accesses: for a model that brings a transition system of its own, and a program that
 * cannot be instrumented.
 */
export function storyOf(scenario: Scenario, replayed: ReplayedTrace): TraceStory | null {
  if (isModel(scenario) && scenario.model.system !== undefined) return null;
  try {
    return new Teller(scenario, replayed).tell();
  } catch {
    // A program that cannot be instrumented: its trace is shown from the values that changed.
    return null;
  }
}

/** The words that a step writes: stores, and atomic operations that changed something. Locks are told apart. */
function written(log: StepLog, changed: (word: Word) => boolean): Map<string, Word> {
  const words = new Map<string, Word>(log.writes);
  for (const [name, word] of log.atomic) if (changed(word)) words.set(name, word);
  return words;
}

class Teller {
  readonly #scenario: Scenario;
  readonly #replayed: ReplayedTrace;
  readonly #system: CompiledSystem;
  readonly #recorder: AccessRecorder;
  readonly #bytes: StateBytes;
  readonly #shows: Shows;
  readonly #actors: readonly string[];
  readonly #source: SourceText;
  /** The state before the step, and its bytes. */
  readonly #before: Int32Array;
  readonly #beforeBytes: StateBytes;
  readonly #words = new Map<string, Word>();
  readonly #initial = new Map<string, string>();
  readonly #lastWriter = new Map<string, number>();
  /** Who released a lock last, and in which step. */
  readonly #released = new Map<string, { readonly actor: string; readonly step: number }>();
  /** What each actor holds: the names of locks, and whether for reading. */
  readonly #held = new Map<string, Map<string, boolean>>();
  readonly #staleReads = new StaleReads();
  readonly #times = new CallTimes();
  readonly #freshReads = new FreshReads(this.#times);
  readonly #steps: Omit<StoryStep, "stale">[] = [];
  /** Where the last step went wrong: `file:line`. */
  #faultPlace: string | null = null;

  constructor(scenario: Scenario, replayed: ReplayedTrace) {
    this.#scenario = scenario;
    this.#replayed = replayed;
    const image = compileImage(scenario, { variant: "instrumented", sourceMap: false });
    this.#recorder = new AccessRecorder(image.plan);
    let bytes: StateBytes | null = null;
    this.#system = new CompiledSystem(image, (b) => { bytes = b; return this.#recorder; });
    this.#bytes = bytes!;
    this.#shows = showsOf(isModel(scenario) ? scenario.model.structs : scenario.structs);
    this.#actors = image.actors.map((a) => a.name);
    this.#source = new SourceText(scenario);
    this.#before = this.#system.vector.slice();
    this.#beforeBytes = new StateBytes(this.#before.buffer);
  }

  tell(): TraceStory {
    const { trace, property } = this.#replayed;
    attempt(() => { this.#system.setBranch(trace.initial); this.#system.init(); });
    const first = this.#system.vector.slice();
    const atFirst = new StateBytes(first.buffer);
    let last = emptyLog();
    trace.steps.forEach((step, n) => { last = this.#take(step, n + 1); });
    const end = {
      scenario: this.#scenario, replayed: this.#replayed, system: this.#system, recorder: this.#recorder,
      before: this.#beforeBytes, after: this.#bytes, last,
    };
    const { words, ownWords } = promiseReads(end);
    const reads = this.#asReads(words);
    const isStuck = property.kind === "deadlock" || property.kind === "recurring";
    const blocked = isStuck ? blockedActors(end).map((b) => ({ actor: b.actor, reads: this.#asReads(b.words) })) : [];
    for (const [name, word] of this.#words) this.#initial.set(name, this.#text(word, atFirst));
    const initial: NamedValue[] = [...this.#initial].map(([name, value]) => ({ name, value }));
    const stale = this.#staleReads.byStep();
    const steps = this.#steps.map((s, n) => ({ ...s, stale: stale.get(n + 1) ?? [] }));
    const expectation = property.name === "assertion" && this.#faultPlace !== null ? this.#source.expectation(this.#faultPlace) : null;
    return { why: this.#why(), ownWords, expectation, reads, blocked, initial, steps };
  }

  #take(step: ReplayedTrace["trace"]["steps"][number], number: number): StepLog {
    const system = this.#system;
    const actor = this.#actors.indexOf(step.actor);
    const stack = system.position(actor).stack.toReversed();
    const log = (this.#recorder.log = emptyLog());
    this.#times.takes(step.actor, number, stack);
    this.#before.set(system.vector);
    try {
      system.setBranch(step.choices);
      system.step(actor);
    } catch (e) {
      // The last one of a trace that shows a fault. The replay of the plain variant has said what is wrong.
      this.#faultPlace = e instanceof StepFault ? e.source : null;
    }
    const reads = [...log.reads.keys(), ...log.locks.map((l) => l.lock)];
    const partners = reads.map((name) => this.#lastWriter.get(name) ?? 0)
      .filter((n) => n > 0 && this.#replayed.trace.steps[n - 1]!.actor !== step.actor);
    const { held, locks } = this.#lockStory(log, step.actor, number);
    const words = written(log, (word) => this.#text(word, this.#beforeBytes) !== this.#text(word, this.#bytes));
    for (const [name, word] of [...log.reads, ...words]) this.#words.set(name, word);
    const writes = [...words].map(([name, word]) => ({
      name, before: this.#text(word, this.#beforeBytes), after: this.#text(word, this.#bytes),
    }));
    const fresh = this.#freshReads.reads(step.actor, [...log.reads.keys()])
      .map((f) => ({ ...f, value: this.#text(log.reads.get(f.name)!, this.#beforeBytes) }));
    this.#noteReads(step.actor, number, { stack, log, writes });
    for (const name of words.keys()) this.#lastWriter.set(name, number);
    const met = [...new Set(partners)].sort((a, b) => a - b);
    this.#steps.push({ stack, call: this.#callOf(stack), writes, locks, held, partners: met, fresh });
    return log;
  }

  #callOf([thread, called]: readonly SourceFrame[]): string | null {
    return thread === undefined || called === undefined ? null : this.#source.call(thread.file, thread.line, called.routine);
  }

  #noteReads(actor: string, step: number, did: { readonly log: StepLog } & Pick<StoryStep, "stack" | "writes">): void {
    const stack = did.stack.map((f) => f.routine);
    this.#staleReads.actsIn(actor, stack);
    // What the last step sees comes too late.
    const isLast = step === this.#replayed.trace.steps.length;
    for (const [name, word] of isLast ? [] : did.log.reads) {
      this.#staleReads.reads(actor, name, { step, value: this.#text(word, this.#beforeBytes), stack });
    }
    for (const { name, before, after } of did.writes) {
      if (before === after) continue;
      this.#staleReads.changes(actor, name, step);
      this.#freshReads.changes(actor, name, step);
    }
  }

  #lockStory(log: StepLog, actor: string, number: number): Pick<StoryStep, "held" | "locks"> {
    const mine = this.#held.get(actor) ?? new Map<string, boolean>();
    this.#held.set(actor, mine);
    const held = new Map(mine);
    const locks = log.locks.map(({ kind, lock, shared }) => {
      const released = kind === "takes" ? this.#released.get(lock) : undefined;
      if (kind === "takes") {
        mine.set(lock, shared);
        held.set(lock, shared);
      }
      if (kind === "releases") {
        mine.delete(lock);
        this.#released.set(lock, { actor, step: number });
      }
      if (kind !== "failed") this.#lastWriter.set(lock, number);
      const isHandedOver = released !== undefined && released.actor !== actor
        && this.#times.areConcurrent(actor, released.actor, released.step);
      return { kind, lock, shared, from: isHandedOver ? released : null };
    });
    return { locks, held: [...held].map(([lock, shared]) => ({ lock, shared })) };
  }

  #text(word: Word, bytes: StateBytes): string {
    return elementText(this.#system.image.plan, bytes, word, { actors: this.#actors, shows: this.#shows });
  }

  #asReads(words: ReadonlyMap<string, Word>): ReadWord[] {
    return [...words].map(([name, word]) => {
      this.#words.set(name, word);
      return { name, value: this.#text(word, this.#bytes), writer: this.#lastWriter.get(name) ?? 0 };
    });
  }

  /** What the author of the promise says of it: a property `why` of the function. */
  #why(): string | null {
    const { kind, name } = this.#replayed.property;
    if (kind === "deadlock" || kind === "fault" || kind === "recurring" || kind === "sometimes") return null;
    const why: unknown = (this.#scenario[kind]?.[name] as { why?: unknown } | undefined)?.why;
    return typeof why === "string" ? why : null;
  }
}
