/**
 * ITF, the Informal Trace Format of Apalache (its ADR-015), which Quint's tools and viewers of it read.
 *
 * A variable is a struct: a record of its fields, or, for a table, a map from the index to one. An array is a list, a set a set of
 * numbers. What may be missing is a variant as Quint has them: `Some` with what there is, or `None`; so are references, owners and
 * holders of locks. Two variables more say where the threads stand: `at`, the label of each thread's next step, and `locals`, the
 * locals that live, in words. Statistics are no part of a state. Integers that JSON's readers may spoil are `#bigint`.
 */
import { CompiledSystem } from "../../image/compiled-system.ts";
import { isOwner, NONE, type FieldPlan, type LayoutPlan } from "../../program/layout.ts";
import { LockTable } from "../../program/locks.ts";
import { membersOf } from "../../program/value-text.ts";
import { localValues } from "../../program/values.ts";
import { positionOf, StateBytes } from "../../program/world.ts";
import type { NamedValue, TransitionSystem } from "../../system.ts";
import { retake, type FormattedTrace, type TraceFormat } from "./trace-format.ts";

type Value = boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

export const itf: TraceFormat = {
  purpose: "the Informal Trace Format of Apalache and Quint",
  render(told: FormattedTrace): string {
    const { replayed: { rows, trace, message, property }, scenario, file } = told;
    const states: Value[] = [];
    let vars: string[] = [];
    retake(told, (n, system, wrong) => {
      const { actor, label, choices } = rows[n]!;
      const step = actor === null ? { choices } : { actor, label: label!, choices };
      const state = stateOf(system);
      vars = Object.keys(state);
      states.push({ "#meta": { index: n, ...step, ...(wrong === null ? {} : { wrong }) }, ...state });
    });
    const meta = {
      format: "ITF", "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html", source: file, status: "violation",
      description: `thpcheck: ${message}`, scenario: scenario.name, property: { kind: property.kind, name: property.name },
      config: JSON.parse(JSON.stringify(trace.config)) as Value, seed: trace.seed,
    };
    // The loop is optional, and a number where there is one.
    const loop = trace.loop === null ? {} : { loop: trace.loop };
    return `${JSON.stringify({ "#meta": meta, vars, states, ...loop }, null, 2)}\n`;
  },
};

function stateOf(system: TransitionSystem): Record<string, Value> {
  const names = system.actors.map((a) => a.name);
  const positions = names.map((_, n) => system.position(n));
  const labels = mapOf(positions.map(({ label }, n) => [names[n]!, optional(label)]));
  // A hand-written model does not say where its actors stand.
  const at = (taken: Record<string, Value>): Record<string, Value> =>
    (positions.some((p) => p.ended === false) ? {} : { [free("at", taken)]: labels });
  const inWords = (values: readonly NamedValue[]): Value => mapOf(values.map((v) => [v.name, v.value]));
  if (!(system instanceof CompiledSystem)) return { values: inWords(system.values()), ...at({}) };
  const { plan } = system.image;
  const structs = structsOf(plan, new StateBytes(system.vector.buffer), names);
  return { ...structs, ...at(structs), [free("locals", structs)]: inWords(localValues(plan, system.values())) };
}

/** A name that no struct has. */
const free = (name: string, taken: Readonly<Record<string, unknown>>): string => (name in taken ? free(`${name}_`, taken) : name);

function structsOf(plan: LayoutPlan, bytes: StateBytes, actors: readonly string[]): Record<string, Value> {
  const locks = new LockTable(plan, bytes);
  return Object.fromEntries(Object.entries(plan.structs).map(([name, { shape, count }]) => {
    const fields = plan.fields.filter((f) => f.struct === name && f.role !== "statistic");
    const object = (i: number): Value => Object.fromEntries(fields.map((f) =>
      [f.field, f.lockBase >= 0 ? lockOf(locks, f.lockBase + i, actors) : fieldOf(f, bytes, i, actors)]));
    return [name, shape === "struct" ? object(0) : mapOf(Array.from({ length: count }, (_, i) => [i, object(i)]))];
  }));
}

function fieldOf(f: FieldPlan, bytes: StateBytes, i: number, actors: readonly string[]): Value {
  const element = (j: number): Value => {
    const value = bytes.raw(f, positionOf(f, 0, i, j)) + f.min;
    if (isOwner(f.guard)) return optional(value === NONE ? null : actors[value]!);
    switch (f.kind) {
      case "bool": return value !== 0;
      case "ref": return optional(value === NONE ? null : value);
      case "bitset": return setOf(membersOf(value));
      default: return integer(value);
    }
  };
  return f.length === null ? element(0) : Array.from({ length: f.length }, (_, j) => element(j));
}

function lockOf(locks: LockTable, id: number, actors: readonly string[]): Value {
  const lock = locks.lock(id);
  const holder = locks.holder(lock);
  const held = { holder: optional(holder < 0 ? null : actors[holder]!) };
  if (lock.kind !== "rwsem") return held;
  const named = (mask: number): Value => setOf(membersOf(mask).map((a) => actors[a]!));
  return { ...held, readers: named(locks.readers(lock)), waiters: named(locks.waiters(lock)) };
}

/** Readers of JSON keep integers of 53 bits. */
export const integer = (value: number | bigint): Value =>
  (Number.isSafeInteger(Number(value)) ? Number(value) : { "#bigint": String(value) });
const setOf = (members: readonly Value[]): Value => ({ "#set": members });
const mapOf = (entries: readonly (readonly [Value, Value])[]): Value => ({ "#map": entries });
/** Quint's option: its unit value is the empty tuple. */
const optional = (value: Value | null): Value => (value === null ? { tag: "None", value: { "#tup": [] } } : { tag: "Some", value });
