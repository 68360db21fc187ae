/** What a machine can do on its own, up to its limits: every state that some sequence of its events reaches. */
import { EV, type EventName } from "./events.ts";
import { REFUSED, type MachineTable } from "./machine-table.ts";
import type { Sizes } from "./machine.ts";

export interface Reachable {
  /** Numbers of states, in the order of a breadth-first search. */
  readonly states: readonly number[];
  /** Pairs of a state and an event with its payload that it accepts, within the limits. */
  readonly edges: number;
  /** Numbers of the transitions that were taken. */
  readonly taken: ReadonlySet<number>;
  /** States that accept nothing. */
  readonly dead: readonly number[];
}

/** Whether the context of a state stays within the machine's limits. */
export function withinLimits(table: MachineTable, state: number, sizes: Sizes): boolean {
  const limits = table.spec.limits?.(sizes);
  if (limits === undefined) return true;
  const context = table.context(state);
  return Object.entries(limits).every(([key, most]) => {
    if (context[key] === undefined) throw new RangeError(`machine ${table.name}: a limit of "${key}", which is not in its context`);
    return Number(context[key]) <= most;
  });
}

/**
 * A state outside of the limits is not counted, and nothing is tried in it. `from`: numbers of states to begin with;
 * the initial one unless given.
 */
export function explore(table: MachineTable, sizes: Sizes, from: readonly number[] = [table.initial]): Reachable {
  const letters = (Object.keys(table.spec.alphabet) as EventName[]).flatMap((name) => {
    return Array.from({ length: table.spec.alphabet[name]!.payloads(sizes) }, (_, payload) => ({ event: EV[name], payload }));
  });
  const states = [...from];
  const seen = new Set(states);
  const taken = new Set<number>();
  const dead: number[] = [];
  let edges = 0;
  for (const state of states) {
    let accepted = 0;
    for (const { event, payload } of letters) {
      const next = table.next(state, event, payload);
      if (next === REFUSED || !withinLimits(table, next, sizes)) continue;
      accepted++;
      taken.add(table.transitionId(state, event, payload));
      if (seen.has(next)) continue;
      seen.add(next);
      states.push(next);
    }
    edges += accepted;
    if (accepted === 0) dead.push(state);
  }
  return { states, edges, taken, dead };
}
