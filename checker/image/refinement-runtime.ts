/**
 * The check of refinement in the emitted program: after each step, does every machine arrive where the events say?
 *
 * Only instances that may have moved are looked at: those that an event names, and those with a bit in their read set
 * that differs between the two states. The read set is static (`reads.ts`): whatever the abstraction of an instance can
 * read in any state. So where none of these bits differs the abstraction reads the same in both states, and gives the
 * same. A property test compares with looking at every instance.
 *
 * The functions that check become part of each emitted program, as text (`refinementRuntimeText`), so that V8 specialises
 * them for that program alone.
 */
import type { Bounds, RefinementPlan, Route } from "../refinement-plan.ts";

/** Words of one event in the record of a step: its number, its head (`eventHead`), and its arguments. */
export const EVENT_WORDS = 8;
/** Arguments that an event can have. */
export const EVENT_ARGUMENTS = EVENT_WORDS - 2;
/** Events that one step can announce. */
export const STEP_EVENTS_MAX = 4096;

/** Where an event is announced and with how many arguments, in one word. */
export function eventHead(site: number, args: number): number {
  return site * EVENT_WORDS + args;
}
export function siteOfEvent(head: number): number {
  return Math.floor(head / EVENT_WORDS);
}
export function argumentCount(head: number): number {
  return head % EVENT_WORDS;
}

/** Where a step did not refine. */
export interface Refusal {
  readonly machine: number;
  /** Among those of all machines. */
  readonly instance: number;
  /**
   * Where the refused event begins in the record of the step; -1: the events were accepted, or there were none, and the
   * state is another.
   */
  readonly event: number;
  /** The state that the event met, or where the events led. */
  readonly state: number;
}

export interface RefinementRuntime {
  /**
   * The machine that the step does not refine, or -1. `end`: words of the record of its events. `changes`: words of the
   * state that it changed.
   */
  check(end: number, changes: number, only?: number): number;
  /** The state of an instance in the state vector. */
  abstract(instance: number): number;
  /** What the last check found; null when it found nothing. */
  refusal(): Refusal | null;
  /** Steps checked, then how often each cell was taken. */
  readonly counts: Float64Array;
}

/** How an event concerns a machine: the columns from `first` up to, and without, `end` are its. */
export interface EventRoute {
  readonly machine: number;
  readonly first: number;
  readonly end: number;
  readonly bounds: Bounds;
  readonly route: Route;
}

/** What the check works on. */
export interface RefinementParts {
  /** The state after the step, and before it. */
  readonly vector: Int32Array;
  readonly before: Int32Array;
  readonly plan: RefinementPlan;
  /** The record of a step's events, and the words of one event in it (`EVENT_WORDS`). */
  readonly events: Int32Array;
  readonly eventWords: number;
  /** The words of the state that the step changed, as many as `check` is told. */
  readonly changed: Int32Array;
  /** By machine: reads the state of an instance in `vector`, and in `before`. */
  readonly abstractions: readonly ((instance: number) => number)[];
  readonly abstractionsBefore: readonly ((instance: number) => number)[];
  /** By number of the event. */
  readonly routes: readonly (readonly EventRoute[] | undefined)[];
  /** Answers an unknown cell. */
  readonly ask: (machine: number, state: number, column: number) => number;
  /** Look at every instance. */
  readonly all: boolean;
}

/** The machines: states of their instances, and where events lead. Closed. */
function machineTables({ plan: { cells, machines, machineOf }, abstractions, abstractionsBefore, ask }: RefinementParts): MachineTables {
  const counts = new Float64Array(1 + cells.length);
  const firstInstances = Int32Array.from(machines, (m) => m.firstInstance);
  const instanceCounts = Int32Array.from(machines, (m) => m.instances);
  const stateCounts = Int32Array.from(machines, (m) => m.descriptions.length);
  const columnCounts = Int32Array.from(machines, (m) => m.columns.length);
  const firstCells = Int32Array.from(machines, (m) => m.firstCell);
  const abstract = (x: number): number => {
    const m = machineOf[x]!;
    return abstractions[m]!(x - firstInstances[m]!);
  };
  const abstractBefore = (x: number): number => {
    const m = machineOf[x]!;
    return abstractionsBefore[m]!(x - firstInstances[m]!);
  };
  const instance = (machine: number, n: number): number => (n >= 0 && n < instanceCounts[machine]! ? firstInstances[machine]! + n : -1);
  const next = (machine: number, state: number, column: number): number => {
    if (!(state >= 0 && state < stateCounts[machine]!)) return -1;
    const cell = firstCells[machine]! + state * columnCounts[machine]! + column;
    let to = cells[cell]!;
    // UNKNOWN, which this function cannot name.
    if (to === -2) {
      to = ask(machine, state, column);
      cells[cell] = to;
    }
    if (to >= 0) counts[1 + cell]!++;
    return to;
  };
  return { counts, abstract, abstractBefore, instance, next };
}
interface MachineTables {
  /** Steps checked, then how often each cell was taken. */
  readonly counts: Float64Array;
  /** The state of an instance, numbered among those of all machines. */
  readonly abstract: (x: number) => number;
  readonly abstractBefore: (x: number) => number;
  /** The number among those of all machines of a machine's instance n; -1: it does not exist. */
  readonly instance: (machine: number, n: number) => number;
  /** Takes a transition: the state that a column of the machine's table leads to, or a negative number. */
  readonly next: (machine: number, state: number, column: number) => number;
}

/** Finds the instances that may have moved without an event. Closed. */
function readSets({ vector, before, changed, plan }: RefinementParts): ReadSets {
  const { words, masks, firstGroup, groupMasks, groupNeeds, firstTouched, touchedWords, touchedBits } = plan;
  const touched = new Int32Array(Math.ceil(plan.machineOf.length / 32));
  /** Of each word of the state: its place among those that abstractions read, or -1. */
  const places = new Int32Array(vector.length).fill(-1);
  words.forEach((word, n) => { places[word] = n; });
  const mark = (changes: number): boolean => {
    let some = false;
    for (let c = 0; c < changes; c++) {
      const w = changed[c]!;
      const n = places[w]!;
      const different = vector[w]! ^ before[w]!;
      if (n < 0 || (different & masks[n]!) === 0) continue;
      for (let g = firstGroup[n]!, last = firstGroup[n + 1]!; g < last; g++) {
        if ((different & groupMasks[g]!) === 0) continue;
        const need = groupNeeds[g]!;
        if (need !== 0 && ((vector[w]! | before[w]!) & need) === 0) continue;
        some = true;
        for (let t = firstTouched[g]!, until = firstTouched[g + 1]!; t < until; t++) touched[touchedWords[t]!]! |= touchedBits[t]!;
      }
    }
    return some;
  };
  return { touched, mark };
}
interface ReadSets {
  /** The instances to look at, one bit each. */
  readonly touched: Int32Array;
  /** Adds those that may read a bit which has changed, and says whether there are any. */
  readonly mark: (changes: number) => boolean;
}

/** The check itself: hands events to machines and compares. Closed. */
function checkOfSteps(
  { plan: { machineOf }, events, eventWords, routes, all }: RefinementParts,
  { counts, abstract, abstractBefore, instance, next }: MachineTables, { touched, mark }: ReadSets,
): RefinementRuntime {
  /** The instances whose state is in `current`, moved by events. */
  const loaded = new Int32Array(touched.length);
  const current = new Int32Array(machineOf.length);
  const args: number[] = Array.from({ length: eventWords - 2 }, () => 0);
  let machine = 0, firstColumn = 0, endColumn = 0, at = -1;
  /** `asked`: the one machine that is asked; -1: all are. */
  let failed = -1, failedInstance = 0, failedEvent = -1, failedState = 0, asked = -1;

  const fail = (x: number, event: number, state: number): void => {
    if (asked >= 0 && machineOf[x] !== asked) return;
    [failed, failedInstance, failedEvent, failedState] = [machineOf[x]!, x, event, state];
  };
  const move = (n: number, payload: number): void => {
    if (failed >= 0) return;
    const x = instance(machine, n);
    if (x < 0) return;
    const word = x >> 5, bit = 1 << (x & 31);
    if ((loaded[word]! & bit) === 0) {
      loaded[word]! |= bit;
      touched[word]! |= bit;
      current[x] = abstractBefore(x);
    }
    const state = current[x]!;
    const column = firstColumn + payload;
    const to = payload >= 0 && column < endColumn ? next(machine, state, column) : -1;
    if (to < 0) fail(x, at, state);
    else current[x] = to;
  };
  /** Hands the event at `at` to the machines of whose alphabet it is. */
  const announced = (): void => {
    for (let i = 0; i < args.length; i++) args[i] = events[at + 2 + i]!;
    for (const route of routes[events[at]!]!) {
      machine = route.machine;
      firstColumn = route.first;
      endColumn = route.end;
      route.route(args, route.bounds, move);
    }
  };
  /** Compares the instances to look at with the state after the step, and forgets them. */
  const compare = (): void => {
    for (let w = 0; w < touched.length; w++) {
      let bits = touched[w]!;
      const moved = loaded[w]!;
      touched[w] = loaded[w] = 0;
      for (; bits !== 0 && failed < 0; bits &= bits - 1) {
        const bit = bits & -bits;
        const x = 32 * w + 31 - Math.clz32(bit);
        const state = (moved & bit) !== 0 ? current[x]! : abstractBefore(x);
        if (abstract(x) !== state) fail(x, -1, state);
      }
    }
  };
  const check = (end: number, changes: number, only = -1): number => {
    counts[0]!++;
    failed = -1;
    asked = only;
    if (all) for (let x = 0; x < current.length; x++) touched[x >> 5]! |= 1 << (x & 31);
    else if (!mark(changes) && end === 0) return -1;
    for (at = 0; at < end && failed < 0; at += eventWords) announced();
    compare();
    return failed;
  };
  const refusal = (): Refusal | null =>
    failed < 0 ? null : { machine: failed, instance: failedInstance, event: failedEvent, state: failedState };
  return { check, counts, abstract, refusal };
}

/**
 * The text of an expression that makes the check in an emitted program; `parts`: the text of its `RefinementParts`. The
 * functions are copied as they stand here, which is why each of them is closed: it uses its parameters and nothing else
 * of this module.
 */
export function refinementRuntimeText(parts: string): string {
  return `((parts) => {
  const tables = (${machineTables.toString()})(parts);
  return (${checkOfSteps.toString()})(parts, tables, (${readSets.toString()})(parts));
})(${parts})`;
}
