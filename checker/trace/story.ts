/**
 * The story of a trace: which words the broken promise reads, which step wrote each of them last, and what each step did
 * to memory and locks. From it a view chooses the steps that matter (`slice.ts`).
 *
 * The trace is taken once more by the instrumented variant, since the plain one does not tell what it reads.
 */
import { compileImage } from "../compile/compile.ts";
import { CompiledSystem } from "../image/compiled-system.ts";
import { elementText, showsOf, type Shows } from "../program/values.ts";
import { StateBytes } from "../program/world.ts";
import type { ReadWord, ReplayedTrace, StoryStep, TraceStory } from "../result.ts";
import { isModel, type Scenario } from "../scenario.ts";
import type { NamedValue } from "../system.ts";
import { AccessRecorder, emptyLog, recordingWorld, wordOfLock, type StepLog, type Word } from "./access-log.ts";

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

/** Whether a message names this word, and not only one that it is a part of. */
function names(message: string, word: string): boolean {
  return message.split(/[\s,;:()]+/).includes(word);
}

class Teller {
  readonly #scenario: Scenario;
  readonly #replayed: ReplayedTrace;
  readonly #system: CompiledSystem;
  readonly #recorder: AccessRecorder;
  readonly #bytes: StateBytes;
  readonly #shows: Shows;
  readonly #actors: readonly string[];
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
  readonly #steps: StoryStep[] = [];
  #ownWords = false;

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
    this.#before = this.#system.vector.slice();
    this.#beforeBytes = new StateBytes(this.#before.buffer);
  }

  tell(): TraceStory {
    const { trace } = this.#replayed;
    this.#attempt(() => { this.#system.setBranch(trace.initial); this.#system.init(); });
    const first = this.#system.vector.slice();
    const atFirst = new StateBytes(first.buffer);
    let last = emptyLog();
    trace.steps.forEach((step, n) => { last = this.#take(step, n + 1); });
    const reads = this.#promiseReads(last);
    for (const [name, word] of this.#words) this.#initial.set(name, this.#text(word, atFirst));
    const initial: NamedValue[] = [...this.#initial].map(([name, value]) => ({ name, value }));
    return { why: this.#why(), ownWords: this.#ownWords, reads, initial, steps: this.#steps };
  }

  /** A step may go wrong: the last one of a trace that shows a fault. */
  #attempt(run: () => void): void {
    try {
      run();
    } catch {
      // The replay of the plain variant has said what is wrong.
    }
  }

  #take(step: ReplayedTrace["trace"]["steps"][number], number: number): StepLog {
    const system = this.#system;
    const actor = this.#actors.indexOf(step.actor);
    const stack = system.position(actor).stack.toReversed();
    const log = (this.#recorder.log = emptyLog());
    this.#before.set(system.vector);
    this.#attempt(() => { system.setBranch(step.choices); system.step(actor); });
    const reads = [...log.reads.keys(), ...log.locks.map((l) => l.lock)];
    const partners = reads.map((name) => this.#lastWriter.get(name) ?? 0)
      .filter((n) => n > 0 && this.#replayed.trace.steps[n - 1]!.actor !== step.actor);
    const { held, locks } = this.#lockStory(log, step.actor, number);
    const words = written(log, (word) => this.#text(word, this.#beforeBytes) !== this.#text(word, this.#bytes));
    for (const [name, word] of [...log.reads, ...words]) this.#words.set(name, word);
    const writes = [...words].map(([name, word]) => ({
      name, before: this.#text(word, this.#beforeBytes), after: this.#text(word, this.#bytes),
    }));
    for (const name of words.keys()) this.#lastWriter.set(name, number);
    this.#steps.push({ stack, writes, locks, held, partners: [...new Set(partners)].sort((a, b) => a - b) });
    return log;
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
      return { kind, lock, shared, from: released !== undefined && released.actor !== actor ? released : null };
    });
    return { locks, held: [...held].map(([lock, shared]) => ({ lock, shared })) };
  }

  #text(word: Word, bytes: StateBytes): string {
    return elementText(this.#system.image.plan, bytes, word, { actors: this.#actors, shows: this.#shows });
  }

  /** What the broken promise reads in the last state or step. */
  #promiseReads(last: StepLog): ReadWord[] {
    const { kind, name } = this.#replayed.property;
    const s = this.#scenario;
    if (kind === "always") return this.#evaluated([s.always?.[name]]);
    if (kind === "finally") return this.#evaluated([s.finally?.[name]]);
    const recurs = s.recurring?.[name];
    if (kind === "recurring" && recurs !== undefined) return this.#evaluated([recurs]);
    if (kind === "deadlock") return this.#asReads(this.#waitedFor());
    if (kind === "fault") return this.#asReads(this.#faultReads(name, last));
    const promise = s.step?.[name];
    // Of a machine: what the step stored is what its events should have said.
    return promise === undefined ? this.#asReads(new Map(last.writes)) : this.#evaluated([promise], true);
  }

  /** Runs the promise over accessors that note what it reads. */
  #evaluated([promise]: readonly [((...worlds: never[]) => unknown) | undefined], ofStep = false): ReadWord[] {
    if (promise === undefined) return [];
    const { plan, stateWords } = this.#system.image;
    const found = new Map<string, Word>();
    const worldOf = (bytes: StateBytes): unknown => recordingWorld(plan, bytes, stateWords * 4, (name, word) => { found.set(name, word); });
    const worlds = ofStep ? [worldOf(this.#beforeBytes), worldOf(this.#bytes)] : [worldOf(this.#bytes)];
    this.#attempt(() => {
      const answer = promise(...(worlds as never[]));
      this.#ownWords = typeof answer === "object" && answer !== null;
    });
    return this.#asReads(found);
  }

  #asReads(words: ReadonlyMap<string, Word>): ReadWord[] {
    return [...words].map(([name, word]) => {
      this.#words.set(name, word);
      return { name, value: this.#text(word, this.#bytes), writer: this.#lastWriter.get(name) ?? 0 };
    });
  }

  /** Locks that actors wait for, and what the guards read that keep them waiting. */
  #waitedFor(): Map<string, Word> {
    const system = this.#system;
    const words = new Map<string, Word>();
    this.#actors.forEach((_, actor) => {
      if (system.atRest(actor)) return;
      const waits = system.position(actor).waitsFor;
      if (waits !== null) this.#addLock(words, waits.lock);
      const log = (this.#recorder.log = emptyLog());
      const saved = system.vector.slice();
      this.#attempt(() => { system.setBranch([]); system.step(actor); });
      system.vector.set(saved);
      for (const [name, word] of log.reads) words.set(name, word);
    });
    return words;
  }

  #addLock(words: Map<string, Word>, name: string): void {
    const word = wordOfLock(this.#system.image.plan, name);
    if (word !== null) words.set(name, word);
  }

  /**
   * What a fault looked at: the condition of the assertion, or all that the step read where the condition reads nothing;
   * for a rule about locks, those that its message names.
   */
  #faultReads(rule: string, last: StepLog): Map<string, Word> {
    if (rule === "assertion" && last.asserting && last.asserted.size > 0) return last.asserted;
    const { plan } = this.#system.image;
    const named = rule === "assertion" ? [] : plan.locks.filter((l) => names(this.#replayed.message, l.name));
    const words = new Map<string, Word>(named.length > 0 ? [] : last.reads);
    for (const { name } of named) this.#addLock(words, name);
    return words;
  }

  /** What the author of the promise says of it: a property `why` of the function. */
  #why(): string | null {
    const { kind, name } = this.#replayed.property;
    if (kind !== "always" && kind !== "finally" && kind !== "step") return null;
    const why: unknown = (this.#scenario[kind]?.[name] as { why?: unknown } | undefined)?.why;
    return typeof why === "string" ? why : null;
  }
}
