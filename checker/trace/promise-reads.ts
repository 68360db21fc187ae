/** Which words a broken promise reads in the state, or step, in which it breaks. */
import type { CompiledSystem } from "../image/compiled-system.ts";
import { POSITIONS, type Positions } from "../program/positions.ts";
import type { StateBytes } from "../program/world.ts";
import { refinementProperty } from "../refinement.ts";
import type { ReplayedTrace } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { emptyLog, recordingWorld, wordOfLock, type AccessRecorder, type StepLog, type Word } from "./access-log.ts";

/** Words by name, in the order in which they were read last. */
export type Words = Map<string, Word>;

/** The end of a trace: the system in its last state, what the last step did, and the state before it. */
export interface TraceEnd {
  readonly scenario: Scenario;
  readonly replayed: ReplayedTrace;
  readonly system: CompiledSystem;
  readonly recorder: AccessRecorder;
  readonly before: StateBytes;
  readonly after: StateBytes;
  readonly last: StepLog;
}

/** What the promise reads, and whether it says itself what was expected. */
export interface PromiseReads {
  readonly words: Words;
  readonly ownWords: boolean;
}

export function promiseReads(end: TraceEnd): PromiseReads {
  const { kind, name } = end.replayed.property;
  const { always, finally: atEnd, step, recurring } = end.scenario;
  const ofRun = ofRuns(end);
  if (ofRun !== undefined) return evaluated(end, ofRun);
  const only = (words: Words): PromiseReads => ({ words, ownWords: false });
  if (kind === "always") return evaluated(end, always?.[name]);
  if (kind === "finally") return evaluated(end, atEnd?.[name]);
  if (kind === "recurring" && recurring?.[name] !== undefined) return evaluated(end, recurring[name]);
  if (kind === "deadlock" || kind === "recurring") return only(new Map(blockedActors(end).flatMap((b) => [...b.words])));
  if (kind === "fault") return only(faultReads(end, name));
  if (step?.[name] !== undefined) return evaluated(end, step[name], true);
  return only(machineReads(end) ?? new Map(end.last.writes));
}

/** Of a promise about whole runs, the function of what must come. */
function ofRuns({ replayed: { property: { kind, name } }, scenario }: TraceEnd): ((...worlds: never[]) => unknown) | undefined {
  if (kind === "leadsTo") return scenario.leadsTo?.[name]?.to;
  const isOfRuns = kind === "eventually" || kind === "alwaysEventually" || kind === "eventuallyAlways" || kind === "progress";
  return isOfRuns ? scenario[kind]?.[name] : undefined;
}

/** Runs the promise over accessors that note what it reads. */
function evaluated(end: TraceEnd, promise: ((...worlds: never[]) => unknown) | undefined, ofStep = false): PromiseReads {
  const words: Words = new Map();
  let ownWords = false;
  const worlds = (ofStep ? [end.before, end.after] : [end.after])
    .map((bytes) => Object.assign(listening(end, bytes, words) as object, { [POSITIONS]: positionsIn(end, bytes) }));
  attempt(() => {
    const answer = promise?.(...(worlds as never[]));
    ownWords = typeof answer === "object" && answer !== null;
  });
  return { words, ownWords };
}

/** Where threads stand in the state, and who took the last step. */
function positionsIn({ system, replayed }: TraceEnd, { u32 }: StateBytes): Positions {
  const labelOf = (thread: string): string | null => {
    const saved = system.vector.slice();
    system.vector.set(new Int32Array(u32.buffer, u32.byteOffset, system.stateWords));
    const { label } = system.position(system.actors.findIndex((a) => a.name === thread));
    system.vector.set(saved);
    return label;
  };
  const last = replayed.rows.at(-1);
  return { labelOf, step: last?.actor == null ? null : { actor: last.actor, label: last.label } };
}

/** A world that puts each word that is looked at behind all others in `words`. */
function listening({ system }: TraceEnd, bytes: StateBytes, words: Words): unknown {
  const { plan, stateWords } = system.image;
  return recordingWorld(plan, bytes, stateWords * 4, (name, word) => { words.delete(name); words.set(name, word); });
}

/** A promise, or a step, may go wrong: the last step of a trace that shows a fault does. */
export function attempt(run: () => void): void {
  try {
    run();
  } catch {
    // The replay of the plain variant has said what is wrong.
  }
}

/**
 * An actor that can neither move nor rest, and what keeps it from moving: its lock, and what its guard reads. In a trap also
 * one that goes round, and what it looks at next.
 */
export interface BlockedActor {
  readonly actor: string;
  readonly words: Words;
}

export function blockedActors({ system, recorder, replayed }: TraceEnd): BlockedActor[] {
  const isTrap = replayed.property.kind === "recurring";
  return system.actors.flatMap(({ name }, actor): BlockedActor[] => {
    if (system.atRest(actor)) return [];
    const words: Words = new Map();
    const { waitsFor } = system.position(actor);
    if (waitsFor !== null) addLock(system, words, waitsFor.lock);
    const log = (recorder.log = emptyLog());
    const saved = system.vector.slice();
    attempt(() => { system.setBranch([]); system.step(actor); });
    const moved = saved.some((word, i) => i < system.stateWords && word !== system.vector[i]);
    system.vector.set(saved);
    if (moved && !isTrap) return [];
    for (const [word, at] of log.reads) words.set(word, at);
    return [{ actor: name, words }];
  });
}

function addLock(system: CompiledSystem, words: Words, name: string): void {
  const word = wordOfLock(system.image.plan, name);
  if (word !== null) words.set(name, word);
}

/**
 * What a fault is about: the condition of the assertion; for any other rule the words and locks that its message names; all
 * that the step read where that is nothing.
 */
function faultReads({ system, last, replayed }: TraceEnd, rule: string): Words {
  if (rule === "assertion") return (last.hasFailed || last.asserting) && last.asserted.size > 0 ? last.asserted : last.reads;
  const mentioned = new Set(replayed.message.split(/[\s,;:()]+/));
  const touched = [...last.reads, ...last.writes].filter(([name, { field }]) => mentioned.has(name) || mentioned.has(field.path));
  const words: Words = new Map(touched);
  for (const { name } of system.image.plan.locks) if (mentioned.has(name)) addLock(system, words, name);
  return words.size > 0 ? words : last.reads;
}

/** What the abstraction reads of the instance that took a step which its machine does not allow; null where that is not known. */
function machineReads(end: TraceEnd): Words | null {
  const { property, explanation } = end.replayed;
  const machine = (end.scenario.refine ?? []).find((r) => refinementProperty(r.machine) === property.name);
  const title = explanation?.values.find((v) => v.name === "instance")?.value;
  if (machine === undefined || title === undefined) return null;
  const instance = Array.from({ length: machine.instances }, (_, i) => i).find((i) => machine.title(i) === title);
  if (instance === undefined) return null;
  const words: Words = new Map();
  for (const bytes of [end.before, end.after]) attempt(() => machine.abstract(listening(end, bytes, words) as never, instance));
  return words;
}
