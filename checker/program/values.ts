/**
 * States in words: every field of a state vector with its name and value, and what differs between two states.
 *
 * `page[2].refcount = 1`, `pmd.maps = page 3`, `mm.cpus = {0,2}`, `mm.mmapLock = held by fault`.
 */
import { thrownInWords } from "../error-sentence.ts";
import { inWords } from "../value-in-words.ts";
import { shortWords } from "../usage-error.ts";
import type { NamedValue } from "../system.ts";
import { fieldsOf, type FieldPlan, type LayoutPlan, type Structs } from "./layout.ts";
import { LockTable } from "./locks.ts";
import { elementName, lockText, valueText, type Shows } from "./value-text.ts";
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

/** Of all values of a state, which begin with its fields, those that are none: locals of routines, each name once. */
export function localValues(plan: LayoutPlan, values: readonly NamedValue[]): NamedValue[] {
  const fields = plan.fields.filter((f) => f.role !== "statistic").reduce((n, f) => n + f.count * (f.length ?? 1), 0);
  const known = new Set<string>();
  return values.slice(fields).map(({ name, value }) => {
    const own = unlikeAny(name, known);
    known.add(own);
    return { name: own, value };
  });
}

/** A routine that is entered again has its locals twice: the inner ones are told apart by a number. */
function unlikeAny(name: string, known: ReadonlySet<string>): string {
  if (!known.has(name)) return name;
  let n = 2;
  while (known.has(`${name} (${n})`)) n++;
  return `${name} (${n})`;
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

/** What the declarations say of how values are shown. */
export function showsOf(structs: Structs): Shows {
  return new Map(Object.entries(structs).flatMap(([struct, s]) => Object.entries(fieldsOf(s)).flatMap(([name, f]) => {
    const element = f.kind === "array" ? f.element : f;
    const show = "show" in element ? element.show : undefined;
    return show === undefined ? [] : [[`${struct}.${name}`, (value: number) => shownBy(show, value)] as const];
  })));
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
