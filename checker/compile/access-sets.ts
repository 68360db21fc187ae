/**
 * What routines may access, whatever the state: the fields that they, and all that they call, may read or change.
 *
 * The translator notes each access and each call as it translates it, so nothing that the emitted program does is missing;
 * branches that the configuration never takes are left out (`prune.ts`). Sets are of whole fields, for all objects of a table:
 * two routines that use different objects of one are said to meet. A lock counts as changed by whoever names it.
 */
import type { FieldPlan } from "../program/layout.ts";
import type { Linker } from "./link.ts";

export interface AccessSet {
  /** Paths of fields, `page.refcount`: state and locks, but no statistics, which decide nothing. */
  readonly reads: ReadonlySet<string>;
  readonly changes: ReadonlySet<string>;
}

/** Functions as `file:name`, the file by the end of its path. */
export type FunctionName = `${string}:${string}`;

/** What the functions access together. Throws an Error for one that is no part of the program. */
export function accessSetOf(linker: Linker, functions: readonly FunctionName[]): AccessSet {
  return closure(linker, functions.flatMap((name) => {
    const [file, label] = name.split(":") as [string, string];
    const emitted = linker.emittedNames(file, label);
    if (emitted.length === 0) throw new Error(`${name} is no function of the program`);
    return emitted;
  }));
}

/** What a promise or an excuse reads. */
export function readSetOf(linker: Linker, promise: unknown): AccessSet {
  return closure(linker, linker.emittedNamesOf(promise));
}

function closure(linker: Linker, names: readonly string[]): AccessSet {
  const [reads, changes] = [new Set<string>(), new Set<string>()];
  const found = new Set(names);
  for (const name of found) {
    const routine = linker.routineReads.get(name);
    const own = routine?.reads ?? linker.reads.get(name);
    if (own === undefined) throw new Error(`[thpcheck internal] ${name} has no record of its accesses`);
    for (const { field, changes: changed } of own.accesses) if (counts(field)) (changed ? changes : reads).add(field.path);
    for (const callee of [...own.calls.map((c) => c.callee), ...(routine?.callees ?? [])]) found.add(callee);
  }
  return { reads, changes };
}

/** What the future may depend on: a field with one possible value decides nothing, and neither does a statistic. */
function counts(f: FieldPlan): boolean {
  return f.role !== "statistic" && (f.bits > 0 || f.lockBase >= 0);
}

/**
 * Whether it makes no difference in which order the steps of the two are taken, nor whether one stands between steps of the
 * other: neither changes what the other accesses, and no promise reads what both change.
 */
export function areIndependent(a: AccessSet, b: AccessSet, promises: readonly AccessSet[]): boolean {
  const apart = (x: AccessSet, y: AccessSet): boolean => [...x.changes].every((path) => !y.reads.has(path) && !y.changes.has(path));
  const judged = (set: AccessSet, p: AccessSet): boolean => [...set.changes].some((path) => p.reads.has(path));
  return apart(a, b) && apart(b, a) && !promises.some((p) => judged(a, p) && judged(b, p));
}
