/**
 * One value of a state in words. Needs nothing of Node: pages in a browser say of a state what traces say of it.
 */
import { NONE, isOwner, type FieldPlan, type LayoutPlan, type LockPlan } from "./layout.ts";
import { LockTable } from "./locks.ts";
import { positionOf, type StateBytes } from "./world.ts";

/** `page[2].refcount`, `ptTable[0].pte[1]`, `mm.rss`: object `i`, element `j` of an array. */
export function elementName(f: FieldPlan, i: number, j: number): string {
  const name = f.singleton ? f.path : `${f.struct}[${i}].${f.field}`;
  return f.length === null ? name : `${name}${elementIndices(f, j).map((n) => `[${n}]`).join("")}`;
}

/** The indices of element `j`, one for each length of an array of arrays. */
export function elementIndices({ dims }: FieldPlan, j: number): readonly number[] {
  if (dims === null) return [j];
  let rest = j;
  return dims.toReversed().map((n) => {
    const index = rest % n;
    rest = Math.floor(rest / n);
    return index;
  }).toReversed();
}

/** How the values of fields are shown to people, by `struct.field`: `FieldOptions.show`. They never throw. */
export type Shows = ReadonlyMap<string, (value: number) => string>;

/** The value of one element for people: as its declaration shows it, else as in `structValues`; an owner by its name. */
export function elementText(
  plan: LayoutPlan, bytes: StateBytes, { field: f, i, j }: { readonly field: FieldPlan; readonly i: number; readonly j: number },
  { actors, shows }: { readonly actors: readonly string[]; readonly shows: Shows },
): string {
  if (f.lockBase >= 0) return lockText(new LockTable(plan, bytes), plan.locks[f.lockBase + i]!, actors);
  const value = bytes.raw(f, positionOf(f, 0, i, j)) + f.min;
  const show = shows.get(f.path);
  if (show !== undefined) return show(value);
  if (isOwner(f.guard)) return value === NONE ? "nobody" : actors[value] ?? String(value);
  return valueText(f.kind, value, f.refersTo);
}

/** One value as a reader writes it. `refersTo`: the table that a reference points into. */
export function valueText(kind: FieldPlan["kind"], value: number, refersTo: string | null): string {
  switch (kind) {
    case "bool": return value === 0 ? "false" : "true";
    case "ref": return value === NONE ? "NONE" : `${refersTo} ${value}`;
    case "bitset": return `{${membersOf(value).join(",")}}`;
    default: return String(value);
  }
}

/** The members of a set, or the actors of a mask, in their order. */
export function membersOf(mask: number): number[] {
  const members: number[] = [];
  for (let m = 0; m < 31; m++) if (((mask >>> m) & 1) !== 0) members.push(m);
  return members;
}

export function lockText(locks: LockTable, lock: LockPlan, actorNames: readonly string[]): string {
  const named = (actors: readonly number[]): string => actors.map((a) => actorNames[a] ?? `actor ${a}`).join(", ");
  const holder = locks.holder(lock);
  const readers = membersOf(locks.readers(lock));
  const waiters = membersOf(locks.waiters(lock));
  const held = holder >= 0 ? `${lock.kind === "rwsem" ? "held for writing" : "held"} by ${named([holder])}`
    : readers.length > 0 ? `held for reading by ${named(readers)}`
    : "free";
  return waiters.length === 0 ? held : `${held}; waiting to write: ${named(waiters)}`;
}
