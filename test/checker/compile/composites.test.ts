/** Fields that are made of fields: compiled as native, in every variant and in WebAssembly; their layout; what is refused. */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import {
  array, bitset, bool, fieldsOf, int, mutex, names, oneOf, planLayout, queue, struct, table,
} from "../../../checker/program/layout.ts";
import { StateBytes, makeWorld } from "../../../checker/program/world.ts";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { renderTrace } from "../../../checker/report/counterexample.ts";
import { storyOf } from "../../../checker/trace/story.ts";
import { searchedInBoth } from "../wasm/both-engines.ts";
import { compareRuns, compareStraightLine, compileVariants } from "./compare-runs.ts";
import { loadGenerated } from "./load-generated.ts";
import { schedules } from "./random-programs.ts";
import { seeded } from "./seeded.ts";

const HEAD = `
import { array, at, bitset, bool, choose, holds, int, mutex, names, oneOf, queue, ref, scenario, struct, table } from "thpcheck";
import type { Int, Routine, U8, World } from "thpcheck";
const PHASE = names("idle", "busy", "done");
const structs = {
  s: struct({
    out: int(-1, 400, "what was read"), phase: oneOf(PHASE, "a name", { init: 1 }),
    q: queue(3, int(0, 5, "waits")), flags: queue(2, bool("waits")), refs: queue(2, ref("t", "waits")), sets: queue(2, bitset(4, "waits")),
    lanes: array(2, queue(2, int(-2, 2, "waits in a lane"))),
    at: { x: int(-1, 3, "x"), deep: { y: int(0, 300, "y", { init: 7 }) } },
    slots: array(3, { used: bool("used"), items: int(0, 6, "not of a queue") }),
    grid: array(2, array(3, int(0, 6, "small"))), wide: array(2, array(2, int(0, 300, "wide"))),
    cube: array(2, array(2, array(2, bool("a bit")))), many: bitset(40, "many"), several: array(2, bitset(33, "many of several")),
  }),
  t: table(2, {
    q: queue(2, int(1, 4, "waits")), at: { x: int(0, 9, "x"), list: array(2, int(0, 3, "listed")) },
    grid: array(2, array(2, int(0, 1, "a bit"))), many: bitset(35, "many"),
  }),
};
type K = World<typeof structs>;
`;
/** Statements, # for a value of -1 to 4 or a local, @ for a condition. */
const STATEMENTS = [
  "k.s.q.push(#);", "if (k.s.q.size() > 0) k.s.out.set(k.s.q.shift());", "k.s.out.set(k.s.q.shift());", "k.s.out.set(k.s.q.get(#));",
  "k.s.out.set(k.s.q.size() * 10 + k.s.q.capacity);", "k.s.flags.push(@);",
  "if (k.s.flags.size() > 0 && k.s.flags.shift()) k.s.out.set(1);", "if (k.s.refs.size() < 2) k.s.refs.push(#);",
  "if (k.s.refs.size() > 0) k.s.out.set(k.s.refs.shift());", "k.s.sets.push(#);",
  "if (k.s.sets.size() > 0) k.s.out.set(k.s.sets.shift());", "k.s.lanes.push(#, #);",
  "if (k.s.lanes.size(0) > 1) k.s.out.set(k.s.lanes.get(0, #) + 3);", "if (k.s.lanes.size(1) > 0) k.s.out.set(k.s.lanes.shift(1) + 3);",
  "k.s.at.x.set(#);", "k.s.at.deep.y.add(#);", "k.s.slots.used.set(#, @);", "k.s.slots.items.add(#, #);", "k.s.grid.set(#, #, #);",
  "k.s.grid.add(#, #, #);", "k.s.out.set(k.s.grid.xchg(#, #, #));", "k.s.wide.set(#, #, # * 70);",
  "k.s.out.set(k.s.wide.addReturn(#, #, #));", "k.s.cube.set(#, #, #, @);",
  "if (k.s.cube.get(#, #, #)) k.s.out.set(k.s.grid.length + k.s.cube.length);", "k.s.many.insert(# * 13);", "k.s.many.remove(# * 13);",
  "if (k.s.many.has(#)) k.s.out.set(k.s.many.size());", "k.s.several.insert(#, # * 8);", "k.s.out.set(k.s.several.size(#));",
  "k.t.q.push(#, # + 1);", "if (k.t.q.size(1) > 0) k.s.out.set(k.t.q.shift(1));", "k.s.out.set(k.t.q.size(#));",
  "if (k.t.q.size(0) > 0) k.s.out.set(k.t.q.get(0, 0));", "k.s.out.set(k.t.q.get(#, #));", "k.t.at.x.add(#, #);",
  "k.t.at.list.set(#, #, #);", "k.t.grid.set(#, #, #, #);", "k.t.many.insert(#, # * 11);",
  "if (k.t.many.has(#, # * 11)) k.s.out.set(k.t.many.size(#));", "k.s.phase.set(#);",
  "if (k.s.phase.get() === PHASE.busy) k.s.out.set(9);", 'yield at("next");', "i = (i + 1) % 3;",
];
const CONDITIONS = ["true", "false", "i > 0", "k.s.q.size() > 1"];
/** Mostly within the bounds: a fault ends the run. */
const value = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom("0", "1", "i % 2", "(i = 1)", "k.s.q.size() % 2") },
  { weight: 2, arbitrary: fc.constantFrom("2", "3", "i", "-1", "0.5", "4") },
);
const values4 = fc.array(value, { minLength: 4, maxLength: 4 });
const statement = fc.tuple(fc.constantFrom(...STATEMENTS), values4, fc.constantFrom(...CONDITIONS))
  .map(([text, values, condition]) => {
    let n = 0;
    return text.replaceAll("#", () => values[n++]!).replaceAll("@", () => condition);
  });
const body = fc.array(statement, { minLength: 2, maxLength: 14 });
const routineOf = (b: readonly string[], n: number): string =>
  `function* body${n}(k: K): Routine<U8> { yield at("start"); let i: Int<0, 2> = 0; ${b.join("\n ")} return 0; }`;
const programOf = (bodies: readonly (readonly string[])[]): string => `${HEAD}
${bodies.map(routineOf).join("\n")}
export default scenario({ name: "composites", structs,
  threads: [${bodies.map((_, n) => `{ name: "T${n}", run: body${n} }`).join(", ")}],
  always: { seen: (k: K) => k.s.many.size() < 3 && k.s.q.size() < 3 && !k.s.cube.get(1, 1, 0) && k.t.grid.get(1, 0, 1) === 0 },
  step: { "no going back": (b: K, k: K) => k.s.q.size() >= b.s.q.size() - 1 && (b.s.q.size() === 0 || b.s.q.get(0) >= 0)
    && k.s.at.deep.y.get() >= 0 },
  finally: { rest: (k: K) => k.s.lanes.size(0) + k.s.lanes.size(1) < 3 && k.s.several.size(1) === 0 } });
`;

describe("compiled code does what the accessors of the world do", () => {
  test("after every step of random programs, faults among them", { timeout: 240_000 }, () => {
    let steps = 0;
    fc.assert(fc.property(fc.array(body, { minLength: 2, maxLength: 2 }), schedules, (bodies, schedule) => {
      const scenario = loadGenerated(programOf(bodies));
      steps += compareRuns(scenario, schedule, compileVariants(scenario));
    }), seeded(150));
    expect(steps).toBeGreaterThan(150);
  });

  test("lowered to straight-line code", { timeout: 240_000 }, () => {
    let ended = 0;
    fc.assert(fc.property(body, (b) => { if (compareStraightLine(loadGenerated(programOf([b])), [])) ended++; }), seeded(80));
    expect(ended).toBeGreaterThan(20);
  });

  test("and so does a search in WebAssembly, with promises of states and steps", { timeout: 240_000 }, async () => {
    let lowered = 0;
    const verdicts = new Set<string>();
    await fc.assert(fc.asyncProperty(fc.array(body, { minLength: 2, maxLength: 2 }), async (bodies) => {
      const scenario = loadGenerated(programOf(bodies));
      const both = await searchedInBoth(scenario, { maxStates: 2000 });
      // A number that is not whole is refused, and that is all.
      if ("reason" in both) {
        expect(both.reason).toBe("this number is not lowered: 0.5");
        return;
      }
      expect(both.unlike).toEqual([]);
      lowered++;
      const { result } = await checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, maxStates: 2000 }, 1);
      verdicts.add(result.violation?.property ?? result.verdict);
    }), seeded(60));
    expect(lowered).toBeGreaterThan(40);
    expect([...verdicts]).toEqual(expect.arrayContaining(["range", "holds"]));
  });
});

const PARTS = {
  s: struct({
    q: queue(2, int(0, 3, "waits")), at: { x: int(0, 3, "x"), y: { z: bool("z") } }, grid: array(2, array(3, int(0, 3, "cell"))),
    large: bitset(40, "large"),
    phase: oneOf(names("idle", "busy"), "phase"),
  }),
};
describe("what is made of fields", () => {
  it("is plain fields and arrays in a plan", () => {
    expect(Object.keys(fieldsOf(PARTS.s))).toEqual(["q.items", "q.used", "at.x", "at.y.z", "grid", "large", "phase"]);
    const plan = planLayout(PARTS, 1);
    expect(plan.fields.map((f) => [f.path, f.length, f.dims, f.bits])).toEqual([
      ["s.q.items", 2, null, 2], ["s.q.used", null, null, 2], ["s.at.x", null, null, 2], ["s.at.y.z", null, null, 1],
      ["s.grid", 6, [2, 3], 2], ["s.large", 40, null, 1], ["s.phase", null, null, 1],
    ]);
  });

  it("leaves equal queues as equal bytes, whatever was in them before", () => {
    const worlds = [0, 1].map(() => {
      const bytes = new StateBytes(new ArrayBuffer(64));
      return { bytes, k: makeWorld<typeof PARTS>(planLayout(PARTS, 1), bytes, 64) };
    });
    const [a, b] = worlds as [(typeof worlds)[0], (typeof worlds)[0]];
    for (const v of [3, 2, 1]) {
      a.k.s.q.push(v);
      if (a.k.s.q.size() === 2) expect(a.k.s.q.shift()).toBe(v + 1);
    }
    b.k.s.q.push(1);
    expect(a.bytes.u8).toEqual(b.bytes.u8);
    expect([a.k.s.q.size(), a.k.s.q.get(0), a.k.s.q.capacity]).toEqual([1, 1, 2]);
  });

  it("faults with its name", () => {
    const k = makeWorld<typeof PARTS>(planLayout(PARTS, 1), new StateBytes(new ArrayBuffer(64)), 64);
    expect(() => k.s.q.shift()).toThrow("s.q is empty: shift only where size() is more than 0");
    k.s.q.push(1);
    k.s.q.push(1);
    expect(() => { k.s.q.push(1); }).toThrow("s.q is full: its capacity is 2");
    expect(() => k.s.q.get(2)).toThrow("s.q[2]: the index is outside 0..1");
    expect(() => k.s.grid.get(0, 3)).toThrow("s.grid[3]: the index is outside 0..2");
    expect(() => { k.s.large.insert(40); }).toThrow("the index is outside 0..39");
  });

  it.each<[string, () => unknown, string]>([
    ["an empty record", () => struct({ a: {} }), "struct: a is an empty record"],
    ["no field in a record", () => struct({ a: { b: 5 as never } }), "struct: a.b is no field; fields are int(...)"],
    ["an array of locks", () => struct({ a: array(2, { m: mutex("m") }) }), "struct: a.m: there are no arrays of locks"],
    ["a queue of queues", () => queue(2, queue(2, int(0, 1, "n")) as never), "what waits must be int(...)"],
    ["a queue of large sets", () => queue(2, bitset(40, "n")), "what waits must be int(...)"],
    ["a queue of nothing", () => queue(0, int(0, 1, "n")), "the capacity must be 1..64"],
    ["a large set with an init", () => struct({ a: bitset(40, "n", { init: 5 }) }), "has no mask, and so no init"],
    ["names twice", () => names("a", "a"), '"a" is no name, or is there twice'],
    ["a name that is none", () => names("a b"), '"a b" is no name'],
    ["one of nothing", () => oneOf({}, "n"), "the values must be those of names("],
    ["one of gaps", () => oneOf({ a: 0, b: 2 }, "n"), "the values must be those of names("],
    ["a table of no field", () => table(2, { a: "x" as never }), "table(2, ...): a is no field"],
  ])("is refused where it is %s", (_, make, says) => {
    expect(make).toThrow(says);
  });

  const refusedAt = (statement: string): string => {
    const scenario = loadGenerated(programOf([[statement]]));
    try {
      compileScenario(scenario);
    } catch (e) {
      return (e as Error).message;
    }
    return "nothing";
  };
  it.each([
    ["k.s.q.pop();", "s.q (a queue) has no operation pop. It has push, shift, get, size"],
    ["k.s.q.push();", "s.q.push takes 1 argument, not 0"],
    ["k.t.q.shift();", "t.q.shift takes 1 argument, not 0"],
    ["k.s.many.set(3);", "s.many (a set) has no operation set. It has has, insert, remove, size"],
    ["k.s.q.items.set(0, 1);", "s.q.items is part of a queue"],
    ["k.s.q.used.set(1);", "s.q.used is part of a queue"],
    ["k.s.at.get();", "struct s has no field at. It has"],
    ["k.s.grid.get(1);", "s.grid.get takes 2 arguments, not 1"],
    ["k.s.at.x.push(1);", "s.at.x (int) has no operation push"],
  ])("%s is refused", (statement, says) => {
    expect(refusedAt(statement)).toContain(says);
  });

  it("is not changed by a promise or a guard", () => {
    const text = programOf([['yield at("wait", () => k.s.q.shift() > 0);']]);
    expect(() => compileScenario(loadGenerated(text))).toThrow("a guard changes s.q.items");
  });

  it("shows names in traces, and the elements by all their indices", async () => {
    const stores = ["k.s.phase.set(PHASE.done);", "k.s.grid.set(1, 2, 3);", "k.s.many.insert(33);", "k.s.cube.set(1, 1, 0, true);"];
    const text = programOf([stores]);
    const scenario = loadGenerated(text);
    const { replayed } = await checkScenario(scenario, DEFAULT_CHECK_OPTIONS, 1);
    const view = { width: 200, color: false, full: false, replayCommand: "" };
    const shown = renderTrace(replayed!, view, storyOf(scenario, replayed!));
    for (const change of ["s.phase: busy -> done", "s.grid[1][2]: 0 -> 3", "s.many[33]: false -> true", "s.cube[1][1][0]: false -> true"]) {
      expect(shown).toContain(change);
    }
  });
});
