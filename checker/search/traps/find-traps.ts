/**
 * Traps: states from which no goal can be reached any more. A goal is an end state or one in which every actor rests, or a state
 * that a scenario names (`recurring`).
 *
 * That a goal is reachable from every state is AG EF goal of branching time logic, and says nothing of fairness: a loop that can
 * be left is no trap, though an unfair schedule may stay in it for ever. It finds livelocks, in which threads move and none
 * can get anywhere, whatever the schedule does.
 *
 * Why it is right: the search has visited every reachable state and taken every step (it is asked only where no bound and no
 * violation ended the search). Each step led to a new state, and is in the predecessor links, or to a known one, and is in the
 * log, or to the state itself, and leads nowhere. So links and log are the whole graph, and the states from which a goal can be
 * reached are those that a search backwards from the goals meets. All others are trapped. Where fingerprints are trusted, two
 * states with equal ones are one here as they are in the search.
 *
 * A state is named by its number in the links, and by its place in the visited set where it is the target of a logged step. The
 * search has found each place while it looked the state up; no two states have the same at the end, and what was written down
 * before the set grew is brought up to date by the moves of that (`bringUpToDate`).
 *
 * A state is settled when it is known that a goal can be reached. Sweeps over the levels settle nearly all (`sweep.ts`), and note
 * the steps that were open when they came to them: all steps of all states that are not settled are among these. Sweeps over the
 * open steps settle most of the rest. What is left then is searched backwards, step by step. The order of the work decides nothing:
 * a state is settled only by a step to a settled one, and the work ends when there is no such step any more.
 *
 * It must not be asked of a reduced graph unless the reduction keeps to a cycle proviso: a step that is put off for ever around
 * a cycle makes a trap of it. There is no such reduction yet; see `asksForTraps`.
 */
import { entryAt, forEachRun, forEachStepOf } from "./graph-log.ts";
import { OpenSteps } from "./open-steps.ts";
import { Ranks } from "./ranks.ts";
import { Settled } from "./settled.ts";
import { bringUpToDate, partsOf, placesOf, type Part, type StateGraph } from "./state-graph.ts";
import { sweep, type Sweeping } from "./sweep.ts";

/** The traps of one goal. */
export interface Traps {
  /** How many states are a goal. */
  readonly goals: number;
  /** How many states are trapped. */
  readonly states: number;
  /** The nearest trapped states, all of one level: their numbers, and their places. */
  readonly nearest: readonly number[];
  readonly places: readonly number[];
}

/** When which way is taken. They decide nothing but time. */
export interface Limits {
  /** Sweeps go on while each settles at least this part of the states that are left. */
  readonly worthASweep: number;
  /** So few open steps are swept as long as that settles anything. */
  readonly fewSteps: number;
  /** Open steps that are noted, as a part of the states. Where there are more, all steps are swept once more. */
  readonly noted: number;
}
const LIMITS: Limits = { worthASweep: 1 / 4, fewSteps: 1000, noted: 3 / 2 };

/** Bytes that `findTraps` will take at most, but for a search backwards of what the sweeps leave. */
export function bytesForTraps(states: number, slots: number): number {
  return 5 * states + slots / 8 + 8 * LIMITS.noted * states;
}

/** Of each goal, its traps; null: there are none. */
export function findTraps(graph: StateGraph, limits: Limits = LIMITS): (Traps | null)[] {
  const parts = partsOf(graph.levels);
  const last = parts.at(-1)!.at(-1)!;
  const states = last.first + last.count;
  bringUpToDate(graph);
  const places = placesOf(parts, graph.logs, states);
  const open = new OpenSteps(Math.ceil(limits.noted * states));
  return graph.logs[0]!.goals.map((_, goal) => {
    const settled = new Settled(places, graph.space.slots);
    let goals = 0;
    for (const log of graph.logs) {
      const ids = log.goals[goal]!;
      // Each state was expanded once, and noted as a goal once.
      for (let i = 0; i < ids.length; i++) settled.add(entryAt(ids, i));
      goals += ids.length;
    }
    if (goals > 0) settle({ graph, parts, settled, open }, limits);
    return settled.left === 0 ? null : { goals, ...whatIsLeft(parts, settled) };
  });
}

/** Settles all states from which a settled one can be reached. */
function settle(work: Sweeping, { worthASweep, fewSteps }: Limits): void {
  const { settled, open } = work;
  let before = settled.left;
  const goesOn = (): boolean => {
    if (settled.left === 0 || settled.left === before) return false;
    return settled.left <= before * (1 - worthASweep) || (!open.overflown && open.length <= fewSteps);
  };
  const pass = (run: () => void): void => {
    before = settled.left;
    run();
  };
  do pass(() => sweep(work));
  while (open.overflown && goesOn());
  if (!open.overflown) while (goesOn()) pass(() => open.sweep(settled));
  // A pass over all open steps that settles nothing is the end.
  if (settled.left === 0 || settled.left === before) return;
  searchBackwards(work, open.overflown ? (each) => forEachStep(work, each) : (each) => open.forEach(each));
}

/** Calls `each` for every step from a state that is not settled, with the number of that and the place of the target. */
function forEachStep({ graph, parts, settled }: Sweeping, each: (from: number, to: number) => void): void {
  const { links, logs } = graph;
  const { byNumber, places } = settled;
  parts.forEach((ofLevel, level) => {
    for (const log of logs) {
      forEachRun(log, level, (run) => forEachStepOf(run, log.jumps, (from, to) => {
        if (byNumber[from] === 0) each(from, to);
      }));
    }
    if (level === 0) return;
    for (const { worker, first, own, count } of ofLevel) {
      for (let i = 0; i < count; i++) {
        const parent = links[worker]![2 * (own + i)]!;
        if (byNumber[parent] === 0) each(parent, places[first + i]!);
      }
    }
  });
}

/** Searches backwards among the states that are not settled, by compressed rows of their reversed steps. `forEach`: those steps. */
function searchBackwards({ graph, settled }: Sweeping, forEach: (each: (from: number, to: number) => void) => void): void {
  const { places, byNumber, left } = settled;
  const rows = new Ranks(graph.space.slots);
  for (let id = 0; id < places.length; id++) if (byNumber[id] === 0) rows.add(places[id]!);
  rows.count();
  const begins = new Int32Array(left + 1);
  const found: number[] = [];
  forEach((from, to) => {
    if (rows.has(to)) begins[rows.of(to) + 1]!++;
    else found.push(from);
  });
  for (let r = 0; r < left; r++) begins[r + 1]! += begins[r]!;
  const sources = new Int32Array(begins[left]!);
  const filled = begins.slice();
  forEach((from, to) => {
    if (rows.has(to)) sources[filled[rows.of(to)]!++] = from;
  });
  while (found.length > 0) {
    const id = found.pop()!;
    if (byNumber[id] === 1) continue;
    settled.add(id);
    const r = rows.of(places[id]!);
    for (let at = begins[r]!; at < begins[r + 1]!; at++) found.push(sources[at]!);
  }
}

function whatIsLeft(parts: readonly (readonly Part[])[], { byNumber, places, left }: Settled): Omit<Traps, "goals"> {
  const firstTrapped = byNumber.indexOf(0);
  const level = parts.find((ofLevel) => ofLevel.some(({ first, count }) => firstTrapped >= first && firstTrapped < first + count))!;
  const nearest: number[] = [];
  for (const { first, count } of level) for (let id = first; id < first + count; id++) if (byNumber[id] === 0) nearest.push(id);
  return { states: left, nearest, places: nearest.map((id) => places[id]!) };
}
