/** Traps as a violation of the promise that something stays reachable. */
import type { TransitionSystem } from "../../system.ts";
import { count, group } from "../../numbers.ts";
import type { PredecessorLog } from "../parallel/predecessor-log.ts";
import type { Violated } from "../run.ts";
import { pathOf } from "../steps.ts";
import type { Hashing } from "../store/fingerprint.ts";
import type { Traps } from "./find-traps.ts";
import { END_STAYS_REACHABLE } from "./goals.ts";

interface Searched {
  readonly states: number;
  readonly log: PredecessorLog;
  /** Writes the fingerprint of the state at a place of the visited set. */
  readonly printAt: (place: number, out: Int32Array) => void;
}

/** `name`: the promise. */
export function trapViolation(
  { system, hashing }: { readonly system: TransitionSystem; readonly hashing: Hashing },
  name: string,
  traps: Traps,
  { states, log, printAt }: Searched,
): Violated {
  const nearest = new Set<string>();
  const print = new Int32Array(2);
  for (const place of traps.places) {
    printAt(place, print);
    nearest.add(`${print[0]} ${print[1]}`);
  }
  const isNearest = (words: Int32Array, at: number): boolean => {
    hashing.fingerprint(words, at, print, 0);
    return nearest.has(`${print[0]} ${print[1]}`);
  };
  const index = system.recurring?.names.indexOf(name) ?? -1;
  return {
    broken: { kind: "recurring", index, name, message: trapped(name, traps, states) },
    path: () => pathOf(system, log.ordinalsTo(traps.nearest[0]!)),
    isNearest,
  };
}

function trapped(name: string, traps: Traps, states: number): string {
  if (traps.goals === 0) {
    return name === END_STAYS_REACHABLE
      ? "in no reachable state have all threads ended or come to rest; the scenario can say what must stay reachable instead"
        + " (recurring: { ... }), or that nothing need end (endless: true)"
      : `no reachable state shows ${JSON.stringify(name)}`;
  }
  const what = name === END_STAYS_REACHABLE ? "no end can be reached" : `${JSON.stringify(name)} cannot be reached again`;
  return `from ${count(traps.states, "state")} of ${group(states)} ${what}`;
}
