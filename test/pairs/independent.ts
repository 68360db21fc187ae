/**
 * Which operations cannot interact, by what their routines may access (checker/compile/access-sets.ts): neither changes what the
 * other accesses, and no promise reads what both change. Each keeps every promise in cells with others, and beside an
 * operation of which it sees nothing it does the same. A third that drops a reference may meet both, so only cells without one
 * are left out.
 */
import { Assembly } from "../../checker/compile/assembly.ts";
import { areIndependent, type AccessSet, type FunctionName } from "../../checker/compile/access-sets.ts";
import type { Scenario } from "../../checker/scenario.ts";
import { CALL_ROUTINES, ACTOR_ROUTINES } from "./routines.ts";
import { OPERATIONS, type Operation } from "./operations.ts";

/** By call and actor what each may access; and what each promise reads. */
export function setsIn(scenario: Scenario): ReturnType<Assembly["accessSets"]> {
  const groups: Readonly<Record<string, readonly FunctionName[]>> = { ...CALL_ROUTINES, ...ACTOR_ROUTINES };
  return new Assembly(scenario, { sourceMap: false }).accessSets(groups);
}

/** Pairs of numbers of operations, the smaller first. */
export function independentIn(scenario: Scenario): readonly (readonly [number, number])[] {
  return independentBy(setsIn(scenario));
}

/** By sets that are given. */
export function independentBy({ of, promises }: ReturnType<typeof setsIn>): readonly (readonly [number, number])[] {
  // A call of which nobody has said what carries it out may meet anything.
  const setOf = ({ call, name }: Operation): AccessSet | undefined => of[call ?? name];
  return OPERATIONS.flatMap((a, first) => OPERATIONS.slice(first).flatMap((b, further): (readonly [number, number])[] => {
    const [x, y] = [setOf(a), setOf(b)];
    return x !== undefined && y !== undefined && areIndependent(x, y, promises) ? [[first, first + further]] : [];
  }));
}
