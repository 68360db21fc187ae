/**
 * The check of refinement in the emitted program: after each step, does every machine arrive where the events say?
 *
 * Only instances that may have moved are looked at: those that an event names, and those with a bit in their read set
 * that differs between the two states. The read set is static (`reads.ts`): whatever the abstraction of an instance can
 * read in any state. So where none of these bits differs the abstraction reads the same in both states, and gives the
 * same. A property test compares with looking at every instance.
 *
 * The function is closed (it refers to nothing outside of itself): its source text becomes part of each emitted program.
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
  /** Where the refused event begins in the record of the step; -1: the events were accepted, or there were none, and the state is another. */
  readonly event: number;
  /** The state that the event met, or where the events led. */
  readonly state: number;
}

export interface RefinementRuntime {
  /** The machine that the step does not refine, or -1. `end`: words of the record of its events; `changes`: words of the state that it changed. */
  check(end: number, changes: number): number;
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

/**
 * `events`: the record of a step's events. `changed`: the words that the step changed, as many as `check` is told.
 * `abstractions`, of each machine, read the state of an instance in `vector`; `abstractionsBefore` in `before`. `routes`:
 * by number of the event. `ask` answers an unknown cell. `all`: look at every instance.
 */
export function refinementRuntime(
  vector: Int32Array, before: Int32Array, plan: RefinementPlan, events: Int32Array, eventWords: number, changed: Int32Array, abstractions: readonly ((instance: number) => number)[],
  abstractionsBefore: readonly ((instance: number) => number)[], routes: readonly (readonly EventRoute[] | undefined)[], ask: (machine: number, state: number, column: number) => number, all: boolean,
): RefinementRuntime {
  const { words, masks, firstGroup, groupMasks, groupNeeds, firstTouched, touchedWords, touchedBits, cells, machines, machineOf } = plan;
  const sets = Math.ceil(machineOf.length / 32);
  /** Of each word of the state: its place among those that abstractions read, or -1. */
  const places = new Int32Array(vector.length).fill(-1);
  words.forEach((word, n) => { places[word] = n; });
  /** Instances to look at, and those whose state is already in `current`, moved by events. */
  const touched = new Int32Array(sets);
  const loaded = new Int32Array(sets);
  const current = new Int32Array(machineOf.length);
  const counts = new Float64Array(1 + cells.length);
  const firstInstances = Int32Array.from(machines, (m) => m.firstInstance);
  const instanceCounts = Int32Array.from(machines, (m) => m.instances);
  const stateCounts = Int32Array.from(machines, (m) => m.descriptions.length);
  const columnCounts = Int32Array.from(machines, (m) => m.columns.length);
  const firstCells = Int32Array.from(machines, (m) => m.firstCell);
  let machine = 0;
  let firstColumn = 0;
  let endColumn = 0;
  let at = -1;
  let failed = -1;
  let failedInstance = 0;
  let failedEvent = -1;
  let failedState = 0;
  let someTouched = false;

  const args: number[] = Array.from({ length: eventWords - 2 }, () => 0);

  const abstract = (x: number): number => {
    const m = machineOf[x]!;
    return abstractions[m]!(x - firstInstances[m]!);
  };
  const abstractBefore = (x: number): number => {
    const m = machineOf[x]!;
    return abstractionsBefore[m]!(x - firstInstances[m]!);
  };

  const fail = (instance: number, event: number, state: number): void => {
    failed = machineOf[instance]!;
    failedInstance = instance;
    failedEvent = event;
    failedState = state;
  };

  const move = (instance: number, payload: number): void => {
    if (failed >= 0 || !(instance >= 0 && instance < instanceCounts[machine]!)) return;
    const x = firstInstances[machine]! + instance;
    const word = x >> 5;
    const bit = 1 << (x & 31);
    if ((loaded[word]! & bit) === 0) {
      loaded[word]! |= bit;
      touched[word]! |= bit;
      current[x] = abstractBefore(x);
    }
    const state = current[x]!;
    const column = firstColumn + payload;
    let next = -1;
    if (state >= 0 && state < stateCounts[machine]! && payload >= 0 && column < endColumn) {
      const cell = firstCells[machine]! + state * columnCounts[machine]! + column;
      next = cells[cell]!;
      if (next === -2) {
        next = ask(machine, state, column);
        cells[cell] = next;
      }
      if (next >= 0) counts[1 + cell]!++;
    }
    if (next < 0) fail(x, at, state);
    else current[x] = next;
  };

  /** Hands the event at `at` to the machines of whose alphabet it is. */
  const announced = (): void => {
    for (let i = 0; i < args.length; i++) args[i] = events[at + 2 + i]!;
    const concerned = routes[events[at]!]!;
    for (let r = 0; r < concerned.length; r++) {
      const { machine: m, first, end, bounds, route } = concerned[r]!;
      machine = m;
      firstColumn = first;
      endColumn = end;
      route(args, bounds, move);
    }
  };

  /** Marks the instances that may read a bit which has changed. */
  const differs = (changes: number): void => {
    for (let c = 0; c < changes; c++) {
      const w = changed[c]!;
      const n = places[w]!;
      const different = vector[w]! ^ before[w]!;
      if (n < 0 || (different & masks[n]!) === 0) continue;
      for (let g = firstGroup[n]!, last = firstGroup[n + 1]!; g < last; g++) {
        if ((different & groupMasks[g]!) === 0) continue;
        const need = groupNeeds[g]!;
        if (need !== 0 && ((vector[w]! | before[w]!) & need) === 0) continue;
        someTouched = true;
        for (let t = firstTouched[g]!, until = firstTouched[g + 1]!; t < until; t++) touched[touchedWords[t]!]! |= touchedBits[t]!;
      }
    }
  };

  const check = (end: number, changes: number): number => {
    counts[0]!++;
    failed = -1;
    let any = end > 0 || all;
    if (all) {
      for (let x = 0; x < current.length; x++) touched[x >> 5]! |= 1 << (x & 31);
    } else {
      someTouched = false;
      differs(changes);
      if (someTouched) any = true;
    }
    if (!any) return -1;
    for (at = 0; at < end && failed < 0; at += eventWords) announced();
    for (let w = 0; w < sets; w++) {
      let bits = touched[w]!;
      const moved = loaded[w]!;
      touched[w] = 0;
      loaded[w] = 0;
      while (bits !== 0 && failed < 0) {
        const bit = bits & -bits;
        bits ^= bit;
        const x = 32 * w + 31 - Math.clz32(bit);
        const state = (moved & bit) !== 0 ? current[x]! : abstractBefore(x);
        if (abstract(x) !== state) fail(x, -1, state);
      }
    }
    return failed;
  };

  return {
    check, counts, abstract,
    refusal: () => (failed < 0 ? null : { machine: failed, instance: failedInstance, event: failedEvent, state: failedState }),
  };
}
