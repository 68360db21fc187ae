/**
 * Programs in which an earlier compiler lost or changed a value, or kept state where no fingerprint sees it: each made
 * the checker say "holds" of something that does not hold.
 */
import { describe, expect, test } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { StepFault } from "../../../checker/fault.ts";
import { loadGenerated, loadScenario } from "./load-generated.ts";

const moduleOf = (body: string, before = ""): string => `import { array, at, bool, bugOn, choose, current, emit, holds, int, mutex, record, scenario, spinlock, spinTrylock, struct, type Int, type Mask, type Routine, type U, type U8, type World } from "thpcheck";
const structs = { c: struct({ value: int(0, 9, "v"), flag: bool("f"), arr: array(4, int(0, 9, "a")), lock: spinlock("l") }) };
type K = World<typeof structs>;
${before}
function* run(k: K): Routine {
${body}
}
export default scenario({ name: "t", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }], expect: holds() });
`;

/** Runs the thread alone; the rule of the fault that it ends in, or null. */
function faultOf(text: string): string | null {
  const { system } = compileScenario(loadGenerated(text));
  system.init();
  try {
    while (system.step(0) !== 0);
    return null;
  } catch (e) {
    if (e instanceof StepFault) return e.rule;
    return (e as Error).name;
  }
}

describe("what TypeScript says is true is true when compiled", () => {
  test.each([
    ["locals x and v_x are two", 'yield at("s"); const x: U8 = 1; const v_x: U8 = 2; yield at("t"); bugOn(x !== v_x, "");', ""],
    ["a local and a captured name that looks like its rewritten one",
      'yield at("s"); const limit: U8 = 5; yield at("t"); bugOn(limit > v_limit, "");', "const v_limit = 1;"],
    ["Infinity in a captured array", 'yield at("s"); bugOn(k.c.value.get() < list[1]!, "");', "const list = [NaN, Infinity];"],
    ["-0 in a captured array", 'yield at("s"); bugOn(Object.is(list[0], -0), "");', "const list = [-0];"],
    ["an index that a closure changes while the value is computed", 'yield at("s"); helper(k);',
      "function helper(k: K): void { let i = 0; const inc = (): number => { i++; return 5; }; k.c.arr.set(i, inc()); bugOn(k.c.arr.get(0) === 5, ''); }"],
    ["a closure that calls itself amid an access", 'yield at("s"); helper(k);',
      "function helper(k: K): void { const f = (n: number): number => { if (n > 0) k.c.arr.set(n + 0, f(n - 1) + 1); return n; }; f(2); bugOn(k.c.arr.get(2) === 2, ''); }"],
    ["an argument of an event that nobody listens to", 'yield at("s"); let i = 0; emit(k, 1, ++i); bugOn(i === 1, "");', ""],
      ["one captured object that is reached by two ways", 'yield at("s"); bugOn(outer.inner === inner && pair[0] === inner, "");',
      "const inner = { a: 1 }; const outer = { inner }; const pair = [inner];"],
    ["a captured object without prototype", 'yield at("s"); bugOn(!("toString" in bare), "");',
      "const bare = Object.assign(Object.create(null), { a: 1 }) as { a: number };"],
    ["a captured member named __proto__", 'yield at("s"); bugOn(Object.keys(odd).length === 1, "");',
      'const odd = JSON.parse(\'{"__proto__": 1}\') as object;'],
    ["an optional argument that is left out behind a record",
      'yield at("s"); const r: R = record({ a: 7, b: 2 }); yield* f(k, r); bugOn(r.a === 9, "");',
      'interface R { a: U8; b: U8 }\nfunction* f(k: K, r: R, n?: U8): Routine { ' +
      'const none: boolean = n === undefined; yield at("f"); if (none) r.a = r.a + r.b; }'],
    ["the same for a helper", 'yield at("s"); const r: R = record({ a: 7, b: 2 }); f(k, r); bugOn(r.a === 9, "");',
      "interface R { a: U8; b: U8 }\nfunction f(_k: K, r: R, n?: number): void { if (n === undefined) r.a = r.a + r.b; }"],
  ])("%s", (_what, body, before) => expect(faultOf(moduleOf(body, before))).toBe("assertion"));
});

test("an argument of an event that nobody listens to may fault", () =>
  expect(faultOf(moduleOf('yield at("s"); emit(k, 1, k.c.arr.get(k.c.value.get() + 7));'))).toBe("range"));

describe("state outside of the state vector is refused, or frozen", () => {
  test.each([
    ["an element of a captured array", 'yield at("s"); done[0] = true;', "const done = [false];",
      /done\[0\] is assigned, and lives outside of the state/],
    ["a captured counter", 'yield at("s"); n++;', "let n = 0;", /n is assigned, and lives outside of the state/],
    ["an array with holes", 'yield at("s"); k.c.value.set(sparse[1]!);', "const sparse = [1, , 2];", /not plain data/],
    ["randomness by another spelling", 'yield at("s"); k.c.value.set(Math["random"]());', "", /Nondeterminism is explicit/],
    ["a slot of more than 32 bits", 'yield at("s"); const w: U<40> = 5; yield at("t"); bugOn(w === 5, "");', "", /at most 32/],
    ["var", 'yield at("s"); var x = 3; k.c.value.set(x);', "", /Use let or const/],
  ])("%s", (_what, body, before, says) => expect(() => faultOf(moduleOf(body, before))).toThrow(says));

  test("an alias of a captured array cannot be written through", () =>
    expect(faultOf(moduleOf('yield at("s"); const b = box.n; b[0]!++;', "const box = { n: [0] };"))).toBe("TypeError"));
});

describe("a guard leaves no trace", () => {
  test.each([
    ["a write", 'yield at("g", () => k.c.flag.cmpxchg(false, true));', "", /a guard changes c\.flag/],
    ["a write in a helper", 'yield at("g", () => helper(k));', "function helper(k: K): boolean { k.c.value.set(1); return true; }",
      /a guard changes c\.value/],
    ["a choice", 'yield at("g", () => choose(k, "c", 2) === 0);', "", /choose in a guard/],
    ["a trylock", 'yield at("g", () => spinTrylock(k, k.c.lock.at()));', "", /spinTrylock in a guard/],
    ["an event", 'yield at("g", () => helper(k));', "function helper(k: K): boolean { emit(k, 1); return true; }", /emit in a guard/],
  ])("%s is refused", (_what, body, before, says) => expect(() => faultOf(moduleOf(body, before))).toThrow(says));
});

describe("a step that does not end is a finding, not a hang", () => {
  test.each([
    ["a loop of the routine", 'yield at("s"); while (!k.c.flag.get()) { }', ""],
    ["a loop whose yield is never reached", 'yield at("s"); while (!k.c.flag.get()) { if (k.c.value.get() === 9) yield at("never"); }', ""],
    ["a loop of a helper", 'yield at("s"); helper(k);', "function helper(k: K): void { for (;;) if (k.c.flag.get()) break; }"],
  ])("%s", (_what, body, before) => expect(faultOf(moduleOf(body, before))).toBe("endless-step"));
});

test("arguments of a thread may need temporaries", () => {
  const text = moduleOf('yield at("s");', "function* of(k: K, a: number): Routine { yield at('s'); }").replace("run }]",
    "run: (k: K) => of(k, k.c.arr.get(k.c.value.get() + 1)) }]");
  expect(faultOf(text)).toBeNull();
});

test("an actor of a hand-written model that changes the state may not say that it cannot move", () => {
  const text = moduleOf('yield at("s");').replace(/structs, threads: .*, expect/,
    'model: { structs, actors: [{ name: "a", step: (k: K) => { k.c.value.set(1); return null; }, atRest: () => true }] }, expect');
  const { system } = compileScenario(loadScenario(text));
  system.init();
  expect(() => system.step(0)).toThrow(/changed the state and then said that it cannot move/);
});
