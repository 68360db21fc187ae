/**
 * ITF, read by the rules of Apalache's ADR-015 and nothing else, and held to what the replay says of each state. Its tools are
 * programs for the JVM, or bring a hundred packages: the rules are one page.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { CompiledSystem } from "../../../checker/image/compiled-system.ts";
import type { ToldTrace } from "../../../checker/page/trace-data.ts";
import { NONE } from "../../../checker/program/layout.ts";
import { localValues, structValues } from "../../../checker/program/values.ts";
import { StateBytes } from "../../../checker/program/world.ts";
import { integer, itf } from "../../../checker/report/traces/itf.ts";
import { retake } from "../../../checker/report/traces/trace-format.ts";
import type { Scenario } from "thpcheck";
import type { NamedValue } from "../../../checker/system.ts";
import { model } from "../../page/odd.ts";
import { kernelTrace, told } from "../../page/told.ts";
import { CONFIG, Project, counters } from "../cli/fixture.ts";
import { everyKind, odd } from "./odd-steps.ts";

/** Values as a reader has them. */
type Value =
  | boolean | string | bigint | Value[] | { set: Value[] } | { map: [Value, Value][] } | { tuple: Value[] }
  | { record: Record<string, Value> };
interface Read {
  readonly vars: readonly string[];
  readonly states: readonly Readonly<Record<string, Value>>[];
  readonly metas: readonly Readonly<Record<string, unknown>>[];
}

class NotItf extends Error {}
const refuse = (what: string): never => { throw new NotItf(what); };
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);

/** An expression of the ADR. */
function expression(v: unknown): Value {
  if (typeof v === "string" || typeof v === "boolean") return v;
  if (typeof v === "number") return Number.isSafeInteger(v) ? BigInt(v) : refuse(`${v} is no JSON integer of 53 bits`);
  if (Array.isArray(v)) return v.map(expression);
  if (!isObject(v)) return refuse(`${String(v)} is no expression`);
  const special = Object.keys(v).filter((k) => k.startsWith("#"));
  if (special.length === 0) return { record: Object.fromEntries(Object.entries(v).map(([k, member]) => [k, expression(member)])) };
  if (Object.keys(v).length !== 1) return refuse(`${special[0]} beside other members`);
  const [name, of] = Object.entries(v)[0]!;
  const list = (): unknown[] => (Array.isArray(of) ? (of as unknown[]) : refuse(`${name} needs an array`));
  switch (name) {
    case "#bigint": return /^-?\d+$/.test(String(of)) && typeof of === "string" ? BigInt(of) : refuse(`${String(of)} is no #bigint`);
    case "#set": return { set: distinct(list().map(expression)) };
    case "#tup": return { tuple: list().map(expression) };
    case "#map": {
      const pairs = list().map((p): [Value, Value] =>
        (Array.isArray(p) && p.length === 2 ? [expression(p[0]), expression(p[1])] : refuse("an entry of a #map is a pair")));
      distinct(pairs.map(([key]) => key));
      return { map: pairs };
    }
    default: return refuse(`${name} is unknown`);
  }
}
function distinct(values: Value[]): Value[] {
  const keys = values.map((v) => JSON.stringify(v, (_, x: unknown) => (typeof x === "bigint" ? `${x}n` : x)));
  return new Set(keys).size === keys.length ? values : refuse("a member twice");
}

function readItf(text: string): Read {
  const trace: unknown = JSON.parse(text);
  if (!isObject(trace)) return refuse("a trace is an object");
  const { "#meta": meta, vars, states, loop, params, ...rest } = trace;
  if (meta !== undefined && !isObject(meta)) refuse("#meta is an object");
  if (Object.keys(rest).length > 0 || params !== undefined) refuse(`${Object.keys(rest).join()} is unknown`);
  const isRight = Array.isArray(vars) && vars.every((v) => typeof v === "string") && Array.isArray(states);
  if (!isRight) return refuse("vars and states are arrays");
  if (loop !== undefined && !(Number.isInteger(loop) && (loop as number) < states.length)) refuse("loop is the index of a state");
  const read = (states as unknown[]).map((s) => {
    if (!isObject(s)) return refuse("a state is an object");
    const { "#meta": own = {}, ...values } = s;
    if (!isObject(own)) return refuse("#meta is an object");
    if (Object.keys(values).toSorted().join() !== vars.toSorted().join()) refuse("each state has each variable, and none besides");
    return { own, values: Object.fromEntries(Object.entries(values).map(([k, v]) => [k, expression(v)])) };
  });
  return { vars, states: read.map((s) => s.values), metas: read.map((s) => s.own) };
}

/** A variant of Quint: null for None. */
function option(v: Value): Value | null {
  const { tag, value } = (v as { record: Record<string, Value> }).record;
  if (tag === "Some") return value!;
  expect([tag, value]).toEqual(["None", { tuple: [] }]);
  return null;
}
const recordOf = (v: Value): Record<string, Value> => (v as { record: Record<string, Value> }).record;
const entriesOf = (v: Value): [Value, Value][] => (v as { map: [Value, Value][] }).map;
/** A value that has no parts, in words. */
const simple = (v: Value | null): string => (typeof v === "object" ? refuse("a value with parts") : String(v));
const textsOf = (v: Value): string[] => (v as { set: Value[] }).set.map(simple);

/** The state of the ITF in the words of `structValues`: nothing of the writer is used for it. */
function inWords(system: CompiledSystem, state: Read["states"][number]): NamedValue[] {
  const { plan } = system.image;
  return Object.entries(plan.structs).flatMap(([struct, { shape, count }]) => Array.from({ length: count }, (_, i) => {
    const objects = shape === "struct" ? [state[struct]!] : entriesOf(state[struct]!).map(([, object]) => object);
    expect(objects).toHaveLength(count);
    return plan.fields.filter((f) => f.struct === struct && f.role !== "statistic").flatMap((f) => {
      const value = recordOf(objects[i]!)[f.field]!;
      const name = shape === "struct" ? f.path : `${struct}[${i}].${f.field}`;
      const word = (v: Value): string => {
        if (f.lockBase >= 0) {
          const { holder, readers, waiters } = recordOf(v);
          const by = option(holder!) as string | null;
          const shared = readers === undefined ? [] : textsOf(readers);
          const held = by !== null ? `${f.kind === "rwsem" ? "held for writing" : "held"} by ${by}`
            : shared.length > 0 ? `held for reading by ${shared.join(", ")}` : "free";
          const waiting = waiters === undefined ? [] : textsOf(waiters);
          return waiting.length === 0 ? held : `${held}; waiting to write: ${waiting.join(", ")}`;
        }
        if (f.guard?.startsWith("owner") === true) {
          const owner = option(v);
          return String(owner === null ? NONE : system.actors.findIndex((a) => a.name === owner));
        }
        if (f.kind === "ref") return option(v) === null ? "NONE" : `${f.refersTo} ${simple(option(v))}`;
        return f.kind === "bitset" ? `{${textsOf(v).join(",")}}` : simple(v);
      };
      if (f.length === null) return [{ name, value: word(value) }];
      return (value as Value[]).map((v, j) => ({ name: `${name}[${j}]`, value: word(v) }));
    });
  }).flat());
}

const lines = (values: readonly NamedValue[]): string => values.map((v) => `${v.name} = ${v.value}`).join("\n");
const rendered = (trace: ToldTrace): string => itf.render({ ...trace, file: "test/some.ts" });

describe("a trace in ITF", () => {
  it.each([
    ["of the kernel", () => kernelTrace(1)], ["with fields and locks of every kind", () => told(everyKind, 3)],
    ["of a hand-written model", () => told(model as unknown as Scenario, 1)],
  ])("%s has the values of the replay in every state", async (_, make) => {
    const trace = await make();
    const { states, metas, vars } = readItf(rendered(trace));
    expect(states).toHaveLength(trace.replayed.trace.steps.length + 1);
    expect(metas.map((m) => m["index"])).toEqual(states.map((__, n) => n));
    expect(metas.slice(1).map((m) => [m["actor"], m["label"], m["choices"]]))
      .toEqual(trace.replayed.rows.slice(1).map((r) => [r.actor, r.label, r.choices]));
    const system = trace.system as CompiledSystem;
    const { plan } = system.image;
    expect(vars.slice(0, Object.keys(plan.structs).length)).toEqual(Object.keys(plan.structs));
    retake(trace, (n) => {
      const bytes = new StateBytes(system.vector.buffer);
      const told = structValues(plan, bytes, system.actors.map((a) => a.name), 0);
      expect(lines(inWords(system, states[n]!)), `state ${n}`).toBe(lines(told));
      const locals = localValues(plan, system.values());
      expect(entriesOf(states[n]!["locals"]!)).toEqual(locals.map((l) => [l.name, l.value]));
      if (vars.includes("at")) {
        const stand = system.actors.map((a, actor) => [a.name, system.position(actor).label]);
        expect(entriesOf(states[n]!["at"]!).map(([name, label]) => [name, option(label)])).toEqual(stand);
      }
    });
  });

  it("that ends with a step which went wrong says so of its last state", async () => {
    const { metas } = readItf(rendered(await told(odd, 1)));
    expect(metas.map((m) => m["wrong"] !== undefined)).toEqual(metas.map((_, n) => n === metas.length - 1));
    expect(metas.at(-1)!["wrong"]).toContain("the value does not fit 0..3");
  });

  it("has integers as the rules ask", () => {
    expect([integer(2 ** 53 - 1), integer(-5), integer(2n ** 53n), integer(-(2n ** 60n))])
      .toEqual([9007199254740991, -5, { "#bigint": "9007199254740992" }, { "#bigint": "-1152921504606846976" }]);
  });

  it.each<[string, (state: Record<string, unknown>) => void]>([
    ["a variable less", (state) => { delete state["s"]; }],
    ["a variable more", (state) => { state["more"] = 1; }],
    ["a fraction", (state) => { state["s"] = 0.5; }],
    ["an unknown form", (state) => { state["s"] = { "#bag": [] }; }],
    ["a key twice", (state) => { state["s"] = { "#map": [[1, 2], [1, 3]] }; }],
    ["null", (state) => { state["s"] = null; }],
  ])("would not be read with %s", async (_, spoil) => {
    const trace = JSON.parse(rendered(await told(model as unknown as Scenario, 1))) as { states: Record<string, unknown>[] };
    expect(readItf(JSON.stringify(trace)).vars).toEqual(["s", "locals"]);
    spoil(trace.states[0]!);
    expect(() => readItf(JSON.stringify(trace))).toThrow(NotItf);
  });
});

describe("replay --format", () => {
  const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/c.ts": counters("holds()") });
  afterAll(() => { project.remove(); });

  it("writes ITF of what check has found, and nothing else", async () => {
    await project.run(["check", "racy", "--out", "run.json"]);
    const { code, stdout, stderr } = await project.run(["replay", "run.json", "--format", "itf"]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(readItf(stdout).states).toHaveLength(5);
    expect(JSON.parse(stdout)).toMatchObject({ "#meta": { format: "ITF", source: "scenarios/c.ts", status: "violation" } });
    const other = await project.run(["replay", "run.json", "--format", "itff"]);
    expect(other.stderr).toContain('there is no such format. Did you mean "itf"?');
    expect(other.code).toBe(2);
  });

  it("knows the formats of the project, and says what is wrong with one", async () => {
    const own = `traceFormats: {
      steps: async () => ({ replayed, states }) => replayed.rows.map((r, n) => r.actor + " " + states[n][0].value).join(),
      number: async () => () => 5, nothing: async () => null, breaks: async () => () => { throw new Error("of its own"); },
    }, `;
    project.write("thpcheck.config.ts", CONFIG.replace("lists:", `${own}lists:`));
    const { code, stdout } = await project.run(["replay", "run.json", "--format", "steps"]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^null 0(,(alice|bob) [01]){4}$/)]);
    for (const [format, says] of [
      ["number", 'the format "number" must give a text, found 5'], ["nothing", 'the format "nothing" must load a function, found null'],
      ["breaks", "of its own"], ["none", "Formats are pretty, json, itf, mermaid, steps, number, nothing, breaks"],
    ] as const) {
      const wrong = await project.run(["replay", "run.json", "--format", format]);
      expect(wrong.stderr).toContain(says);
      expect(wrong.stderr).not.toContain("internal");
      expect(wrong.code).toBe(2);
    }
  });
});
