/**
 * States in words: every field of a state vector with its name and value, and what differs between two states.
 *
 * `page[2].refcount = 1`, `pmd.maps = page 3`, `mm.cpus = {0,2}`, `mm.mmapLock = held by fault`.
 */
import { thrownInWords } from "../error-sentence.ts";
import { inWords } from "../value-in-words.ts";
import { shortWords } from "../usage-error.ts";
import type { NamedValue } from "../system.ts";
import { NONE, isOwner, type FieldOptions, type FieldPlan, type LayoutPlan, type LockPlan, type Structs } from "./layout.ts";
import { LockTable } from "./locks.ts";
import { positionOf, type StateBytes } from "./world.ts";

/** Printed for a value that exists in only one of two compared states, e.g. a local of a routine that has returned. */
export const ABSENT = "-";

/**
 * Every field of the state (statistics excepted): struct by struct, object by object, fields in declaration order,
 * one entry for each array element. `actorNames` names lock holders.
 */
export function structValues(plan: LayoutPlan, bytes: StateBytes, actorNames: readonly string[], statisticBase: number): NamedValue[] {
  return fieldValues(plan, bytes, actorNames, statisticBase, (f) => f.role !== "statistic");
}

/** Every statistic, in the same order and form. */
export function statisticValues(plan: LayoutPlan, bytes: StateBytes, statisticBase: number): NamedValue[] {
  return fieldValues(plan, bytes, [], statisticBase, (f) => f.role === "statistic");
}

function fieldValues(
  plan: LayoutPlan, bytes: StateBytes, actorNames: readonly string[], statisticBase: number, wanted: (f: FieldPlan) => boolean,
): NamedValue[] {
  const locks = new LockTable(plan, bytes);
  const values: NamedValue[] = [];
  for (const [structName, struct] of Object.entries(plan.structs)) {
    // The plan sorts a struct's statistics behind its state; within each role it keeps the order of declaration.
    const fields = plan.fields.filter((f) => f.struct === structName && wanted(f));
    for (let i = 0; i < struct.count; i++) {
      for (const f of fields) {
        if (f.lockBase >= 0) {
          values.push({ name: elementName(f, i, 0), value: lockText(locks, plan.locks[f.lockBase + i]!, actorNames) });
          continue;
        }
        for (let j = 0; j < (f.length ?? 1); j++) {
          const raw = bytes.raw(f, positionOf(f, statisticBase, i, j));
          values.push({ name: elementName(f, i, j), value: valueText(f.kind, raw + f.min, f.refersTo) });
        }
      }
    }
  }
  return values;
}

/** `page[2].refcount`, `ptTable[0].pte[1]`, `mm.rss`: object `i`, element `j` of an array. */
export function elementName(f: FieldPlan, i: number, j: number): string {
  const name = f.singleton ? f.path : `${f.struct}[${i}].${f.field}`;
  return f.length === null ? name : `${name}[${j}]`;
}

/** How the values of fields are shown to people, by `struct.field`: `FieldOptions.show`. */
export type Shows = ReadonlyMap<string, NonNullable<FieldOptions["show"]>>;

/** What the declarations say of how values are shown. */
export function showsOf(structs: Structs): Shows {
  return new Map(Object.entries(structs).flatMap(([struct, { fields }]) => Object.entries(fields).flatMap(([name, f]) => {
    const element = f.kind === "array" ? f.element : f;
    return "show" in element && element.show !== undefined ? [[`${struct}.${name}`, element.show] as const] : [];
  })));
}

/** The value of one element for people: as its declaration shows it, else as in `structValues`; an owner by its name. */
export function elementText(
  plan: LayoutPlan, bytes: StateBytes, { field: f, i, j }: { readonly field: FieldPlan; readonly i: number; readonly j: number },
  { actors, shows }: { readonly actors: readonly string[]; readonly shows: Shows },
): string {
  if (f.lockBase >= 0) return lockText(new LockTable(plan, bytes), plan.locks[f.lockBase + i]!, actors);
  const value = bytes.raw(f, positionOf(f, 0, i, j)) + f.min;
  const show = shows.get(f.path);
  if (show !== undefined) return shownBy(show, value);
  if (isOwner(f.guard)) return value === NONE ? "nobody" : actors[value] ?? String(value);
  return valueText(f.kind, value, f.refersTo);
}

/** What the declaration's own words come to. A trace is no place for their mistakes. */
function shownBy(show: (value: number) => unknown, value: number): string {
  try {
    const text = show(value);
    return typeof text === "string" ? text : `${value} (its show gives ${inWords(text)})`;
  } catch (e) {
    return `${value} (its show throws: ${shortWords(thrownInWords(e))})`;
  }
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

function membersOf(mask: number): number[] {
  const members: number[] = [];
  for (let m = 0; m < 31; m++) if (((mask >>> m) & 1) !== 0) members.push(m);
  return members;
}

function lockText(locks: LockTable, lock: LockPlan, actorNames: readonly string[]): string {
  const named = (actors: readonly number[]): string => actors.map((a) => actorNames[a] ?? `actor ${a}`).join(", ");
  const holder = locks.holder(lock);
  const readers = membersOf(locks.readers(lock));
  const waiters = membersOf(locks.waiters(lock));
  const held = holder >= 0 ? `${lock.kind === "rwsem" ? "held for writing" : "held"} by ${named([holder])}`
    : readers.length > 0 ? `held for reading by ${named(readers)}`
    : "free";
  return waiters.length === 0 ? held : `${held}; waiting to write: ${named(waiters)}`;
}

/** A value that differs between two states. */
export interface ChangedValue {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** What differs, in the order of `after`, then what only `before` has. Names must be unique within each state. */
export function changedValues(before: readonly NamedValue[], after: readonly NamedValue[]): ChangedValue[] {
  const old = new Map(before.map((v) => [v.name, v.value]));
  const changes: ChangedValue[] = [];
  for (const { name, value } of after) {
    const was = old.get(name) ?? ABSENT;
    if (was !== value) changes.push({ name, before: was, after: value });
    old.delete(name);
  }
  for (const [name, value] of old) changes.push({ name, before: value, after: ABSENT });
  return changes;
}
