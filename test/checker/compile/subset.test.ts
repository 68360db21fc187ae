/** What the routine subset refuses: each with its place and what to write instead. And what it accepts in odd shapes. */
import { describe, expect, test } from "vitest";
import { CompileError } from "../../../checker/compile/compile-error.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { loadGenerated } from "./load-generated.ts";

/** Line 1 is the import; the routine body starts on line 5. */
const program = (body: string, extra = ""): string => `import { at, bool, bitset, bugOn, choose, current, emit, holds, int, mutex, mutexLock, NONE, record, ref, rwsem, scenario, spinLock, spinlock, spinUnlock, struct, table, type Bool, type Int, type Ref, type Routine, type U8, type World } from "thpcheck";
const structs = { s: struct({ n: int(0, 7, "a number"), ghost: int(0, 7, "seen by the spec", { role: "ghost" }), stat: int(0, 99, "counted", { role: "statistic" }), lock: spinlock("one lock") }), page: table(3, { order: int(0, 3, "order"), next: ref("page", "next"), lock: spinlock("per page") }) };
type K = World<typeof structs>;
function* run(k: K): Routine {
${body}
}
${extra}
export default scenario({ name: "t", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }], always: typeof properties === "undefined" ? {} : properties, expect: holds() });
`.replace('always: typeof properties === "undefined" ? {} : properties, ', extra.includes("const properties") ? "always: properties, " : "");

const refused: readonly [what: string, body: string, line: number, says: RegExp, extra?: string][] = [
  ["a yield in a condition", 'if (yield* f(k)) { yield at("x"); }', 5, /inside a condition.*statement of its own/,
    "function* f(k: K): Routine<boolean> { yield at(\"y\"); return true; }"],
  ["a yield inside a larger expression", 'yield at("x");\nconst v: U8 = 1 + (yield* f(k));', 6, /inside a larger expression/,
    "function* f(k: K): Routine<U8> { yield at(\"y\"); return 1; }"],
  ["an untyped local across a yield", 'yield at("x");\nlet v = k.s.n.get() + 1;\nyield at("y");\nk.s.n.set(v);', 6,
    /local v lives across a yield \(at line 7\).*branded type/],
  ["a local of unknown width", 'yield at("x");\nconst v: number = k.s.n.get();\nyield at("y");\nk.s.n.set(v);', 6,
    /width of type number is not known|local v/],
  ["a stored world", 'yield at("x");\nconst w = k;\nw.s.n.get();', 6, /world `k` is used as a value/],
  ["a function without a name", 'yield at("x");\nmake(1)(k);', 6, /what make\(1\) gives is called in place.*const f = /,
    "const make = (n: number) => (k: K): void => k.s.n.set(n);"],
  ["a closure", 'yield at("x");\nconst f = () => 1;\nk.s.n.set(f());', 6, /closure in a routine/],
  ["an object held", 'yield at("x");\nconst o = new Map();\nk.s.n.set(o.size);', 6, /object is created/],
  ["try around a yield", 'try { yield at("x"); } finally { k.s.n.set(1); }', 5, /yield inside try/],
  ["try without a yield", 'yield at("x");\ntry { k.s.n.set(1); } catch { k.s.n.set(2); }', 6, /try.*ordinary branch/],
  ["for...of with a yield", 'for (const i of [1, 2]) { yield at("x"); k.s.n.set(i); }', 5, /for\.\.\.of.*index loop/],
  ["recursion", "yield* f(k);", 7, /recursion: f -> f/, 'function* f(k: K): Routine { yield at("x"); yield* f(k); }'],
  ["a routine without yield*", 'yield at("x");\nf(k);', 6, /called without yield\*/, 'function* f(k: K): Routine { yield at("y"); }'],
  ["a routine of a record without yield*", 'yield at("x");\nWAYS.f(k);', 6, /WAYS\.f is called without yield\*/,
    'const WAYS = { f };\nfunction* f(k: K): Routine { yield at("y"); }'],
  ["a helper that the state chooses", 'yield at("x");\nWAYS[k.s.n.get()]!.f(k);', 6, /WAYS is an object that is not plain data/,
    "const WAYS: any = { 0: { f: (k: K): void => k.s.n.set(1) } };"],
  ["a routine that the state chooses", "yield* WAYS[k.s.n.get()]!.f(k);", 5, /neither at\(\.\.\.\) nor a call of a routine/,
    'const WAYS: any = { 0: { f } };\nfunction* f(k: K): Routine { yield at("y"); }'],
  ["a helper with yield*", 'yield* f(k);', 5, /not a generator function|not a routine/, "function f(k: K): void { k.s.n.set(1); }"],
  ["at without yield", 'yield at("x");\nat("y");', 6, /outside of a yield/],
  ["an unknown field", 'yield at("x");\nk.s.m.get();', 6, /struct s has no field m.*It has n, ghost/],
  ["an unknown struct", 'yield at("x");\nk.t.m.get();', 6, /no struct t.*Declared are s, page/],
  ["an unknown operation", 'yield at("x");\nk.s.n.push(1);', 6, /has no operation push|takes/],
  ["too few indices", 'yield at("x");\nk.page.order.get();', 6, /takes 1 argument, not 0/],
  ["a computed struct", 'yield at("x");\nk[("s")].n.get();', 6, /computed struct or field name/],
  ["reading a ghost", 'yield at("x");\nk.s.n.set(k.s.ghost.get());', 6, /reads ghost s\.ghost/],
  ["reading a statistic", 'yield at("x");\nk.s.n.set(k.s.stat.get());', 6, /uses statistic s\.stat/],
  ["a statistic in a state property", 'yield at("x");', 7, /state property reads statistic/,
    "const properties = { p: (k: K) => k.s.stat.get() === 0 };"],
  ["a property that writes", 'yield at("x");', 7, /a property changes s\.n/,
    "const properties = { p: (k: K) => { k.s.n.set(1); return true; } };"],
  ["choose in a property", 'yield at("x");', 7, /outside of a routine/, "const properties = { p: (k: K) => choose(k, \"c\", 2) === 0 };"],
  ["options of a choice that are not constant", 'yield at("x");\nk.s.n.set(choose(k, "c", ["a", String(k.s.n.get())]));', 6,
    /the options of a choice must be known when the program is compiled/],
  ["options of a choice from an expression", 'yield at("x");\nk.s.n.set(choose(k, "c", k.s.n.get() > 1 ? ["a"] : ["a", "b"]));', 6,
    /the options of a choice must be known when the program is compiled/],
  ["named options of a choice whose own name is not constant", 'yield at("x");\nk.s.n.set(choose(k, String(k.s.n.get()), ["a", "b"]));', 6,
    /the name of a choice must be known/],
  ["Math.random", 'yield at("x");\nk.s.n.set(Math.random());', 6, /choose\(k/],
  ["an unknown name", 'yield at("x");\nk.s.n.set(Date.now());', 6, /Date/],
  ["a guard with statements", 'yield at("x", () => { const n = k.s.n.get(); return n > 0; });', 5, /guard with statements/],
  ["a guard from elsewhere", 'yield at("x", guard);', 5, /guard that is not written in place/, "const guard = () => true;"],
  ["a computed label", 'yield at("x" + k.s.n.get());', 5, /label of a yield must be known/],
  ["destructuring", 'yield at("x");\nconst { a } = { a: 1 };\nk.s.n.set(a);', 6, /destructuring/],
  ["await", 'yield at("x");\nk.s.n.set(await 1);', 6, /parse|await/],
  ["captured mutable objects", 'yield at("x");\nk.s.n.set(box.size);', 6, /box.*(not plain data|captured)/,
    "const box = new Map<number, number>();"],
  ["a lock operation inside an expression", 'yield at("x");\nconst r: U8 = (yield* spinLock(k, k.s.lock.at()), 1);', 6,
    /yield|inside a larger expression/],
  ["a missing argument of a routine", 'yield at("x");\nyield* f(k, 1);', 6,
    /f takes 3 arguments \(k, n, m\), and 2 are given\. m is missing/,
    'function* f(k: K, n: U8, m: U8): Routine { yield at("y"); k.s.n.set(n + m); }'],
  ["two missing arguments of a helper", 'yield at("x");\nf(k);', 6, /f takes 3 arguments \(k, n, m\), and 1 is given\. n, m are missing/,
    "function f(k: K, n: number, m: number): void { k.s.n.set(n + m); }"],
  ["an argument too many", 'yield at("x");\nk.s.n.set(f(k, 1, 2));', 6,
    /f takes 2 arguments \(k, n\), and 3 are given\. Leave out the last one/,
      "function f(k: K, n: number): number { return k.s.n.get() + n; }"],
  ["a missing argument of a member of a record", 'yield at("x");\nWAYS.f(k);', 6, /WAYS\.f takes 2 arguments \(k, n\), and 1 is given/,
    "const WAYS = { f: (k: K, n: number): void => k.s.n.set(n) };"],
  ["a missing argument of a guard's helper", 'yield at("x", () => f(k));', 5, /f takes 2 arguments \(k, n\), and 1 is given/,
    "function f(k: K, n: number): boolean { return k.s.n.get() > n; }"],
  ["a missing argument in a property", 'yield at("x");', 7, /f takes 2 arguments \(k, n\), and 1 is given/,
    "const properties = { p: (k: K) => f(k) };\nfunction f(k: K, n: number): boolean { return k.s.n.get() > n; }"],
  ["a missing argument of a helper's own function", 'yield at("x");\nf(k);', 9, /add takes 2 arguments \(a, b\), and 1 is given/,
    "function f(k: K): void {\nconst add = (a: number, b: number): number => a + b; k.s.n.set(add(1)); }"],
  ["less than an optional parameter allows", 'yield at("x");\nf(k);', 6, /f takes 2 to 3 arguments \(k, n, m\?\), and 1 is given/,
    "function f(k: K, n: number, m?: number): void { k.s.n.set(n + (m ?? 0)); }"],
  ["a missing argument where a record is handed over", 'yield at("x");\nconst r: R = record({ a: 1 });\nyield* f(k, r);', 7,
    /f takes 3 arguments \(k, r, n\), and 2 are given\. n is missing/,
    'interface R { a: U8 }\nfunction* f(k: K, r: R, n: U8): Routine { yield at("y"); k.s.n.set(r.a + n); }'],
  ["a property that wants more than the world", 'yield at("x");', 7,
    /p: this function takes 2 arguments \(k, n\), and is given the world alone/,
    "const properties = { p: (k: K, n: number) => k.s.n.get() < n };"],
  ["choose without the world", 'yield at("x");\nk.s.n.set(choose("c", 2));', 6,
    /choose takes 3 arguments \(k, name, options\), and 2 are given/],
  ["choose with the world elsewhere", 'yield at("x");\nk.s.n.set(choose("c", k, 2));', 6, /choose: the world is not given as argument 1/],
  ["emit of nothing", 'yield at("x");\nemit(k);', 6, /emit takes at least 2 arguments \(k, event, \.\.\.instances\), and 1 is given/],
  ["a lock without the world", "yield* spinLock(k.s.lock.at());", 5, /spinLock takes 2 arguments \(k, lock\), and 1 is given/],
  ["an unlock of nothing", 'yield at("x");\nspinUnlock(k);', 6, /spinUnlock takes 2 arguments \(k, lock\), and 1 is given/],
  ["bugOn without a message", 'yield at("x");\nbugOn(k.s.n.get() > 3);', 6,
    /bugOn takes 2 arguments \(condition, message\), and 1 is given/],
  ["at with too much", 'yield at("x", null, { idle: true }, 1);', 5, /at takes 1 to 3 arguments/],
  ["a use before const", 'yield at("x");\nk.s.n.set(v);\nconst v: U8 = 3;', 6,
    /v is used before its declaration \(line 7\) has run\. Declare it first/],
  ["a use before let, across a yield", 'yield at("x");\nv = 1;\nyield at("y");\nlet v: U8 = 3;\nk.s.n.set(v);', 6,
    /v is used before its declaration/],
  ["a use in its own initialiser", 'yield at("x");\nconst v: U8 = v + 1;\nk.s.n.set(v);', 6, /v is used before its declaration/],
  ["a guard's use before const", 'yield at("x", () => v > 1);\nconst v: U8 = 3;\nk.s.n.set(v);', 5, /v is used before its declaration/],
  ["a use in a helper before const", 'yield at("x");\nf(k);', 9, /v is used before its declaration/,
    "function f(k: K): void {\nk.s.n.set(v); const v = 3; }"],
  ["the variable of a loop in what it goes through", 'yield at("x");\nfor (const v of v) k.s.n.set(v);', 6,
    /v is used before its declaration/],
  ["a use in another case than the declaration's",
    'yield at("x");\nswitch (k.s.n.get()) {\ncase 0: const v: U8 = 3; k.s.n.set(v); break;\ncase 1: k.s.n.set(v); }', 8,
    /v is declared in another case of this switch/],
  ["a getter of a captured object", 'yield at("x");\nk.s.n.set(box.size);', 6,
    /box\.size is a getter, which is asked once, when the program is compiled/,
    "const box = { get size(): number { return 3; } };"],
  ["a getter of a captured object, by another way", 'yield at("x");\nconst b = box.inner;\nk.s.n.set(b.size);', 6,
    /box\.inner\.size is a getter/, "const box = { inner: { get size(): number { return 3; } } };"],
  ["a getter in a captured array", 'yield at("x");\nk.s.n.set(list[k.s.n.get()]!.size);', 6, /list\[0\]\.size is a getter/,
    "const list = [{ get size(): number { return 3; } }];"],
  ["a captured Proxy", 'yield at("x");\nk.s.n.set(box.size);', 6, /box is a Proxy, which may answer otherwise each time that it is asked/,
    "const box = new Proxy({ size: 1 }, { get: () => 2 });"],
  ["a Proxy inside of a captured object", 'yield at("x");\nk.s.n.set(box.inner.size);', 6, /box\.inner is a Proxy/,
    "const box = { inner: new Proxy({ size: 1 }, { get: () => 2 }) };"],
  ["a Proxy of a function", 'yield at("x");\nf(k);', 6, /f is a Proxy/,
    "const f = new Proxy((k: K): void => k.s.n.set(1), { apply: () => {} });"],
  ["a function that inherits its origin", 'yield at("x");\nf(k);', 6, /f is a function that was not loaded through thpcheck/,
    "const f = Object.setPrototypeOf(Math.abs.bind(null), (k: K): void => k.s.n.set(1));"],
  ["a hidden member of a captured object", 'yield at("x");\nconst b = box;\nk.s.n.set(b.size);', 6,
    /box\.size cannot be seen by who lists its members/,
    "const box = Object.defineProperty({ a: 1 }, \"size\", { value: 3 }) as unknown as { size: number };"],
  ["an object of a class", 'yield at("x");\nconst b = box;\nk.s.n.set(b.size);', 6, /box is an object of class Box/,
    "class Box { size = 1; }\nconst box = new Box();"],
];

describe("refused, with place and remedy", () => {
  test.each(refused)("%s", (_what, body, line, says, extra) => {
    const compile = (): unknown => compileScenario(loadGenerated(program(body, extra)));
    let error: unknown = null;
    try {
      compile();
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(CompileError);
    const e = error as CompileError;
    expect(e.message).toMatch(says);
    expect(e.line, e.message).toBe(line);
    expect(e.column).toBeGreaterThan(0);
    expect(e.message).toMatch(/^generated\.ts:\d+:\d+: .+\. .+/);
  });
});

describe("slots", () => {
  const frameOf = (body: string, extra?: string) =>
    compileScenario(loadGenerated(program(body, extra))).image.routines.find((r) => r.name === "run")!.frame;

  test("a local that never lives across a yield has no slot", () => {
    expect(frameOf('yield at("x");\nconst v: U8 = k.s.n.get();\nk.s.n.set(v);').locals).toEqual([]);
  });
  test("width follows the type: an index of 3 pages or NONE takes 2 bits, a boolean 1, together with the program counter one byte", () => {
    const frame = frameOf('yield at("x");\nconst p: Ref<"page"> = k.page.next.get(0);\nconst b: boolean = k.s.n.get() > 1;\nyield at("y");\nif (b) { k.page.next.set(0, p); }');
    expect(frame.locals.map((s) => [s.name, s.type.bits])).toEqual([["p", 2], ["b", 1]]);
    expect(frame.bytes).toBe(1);
  });
  test("constants and accessor results need no annotation", () => {
    const frame = frameOf('yield at("x");\nconst five = 5;\nconst n = k.s.n.get();\nyield at("y");\nk.s.n.set(n + five - 5);');
    expect(frame.locals.map((s) => [s.name, s.type.bits])).toEqual([["five", 0], ["n", 3]]);
  });
  test("a frame has room for what is kept where the routine stands, and a callee's frame begins behind that", () => {
    const two = 'const a: U8 = k.s.n.get();\nyield at("a");\nk.s.n.set(a);\nconst b: U8 = k.s.n.get();\nyield at("b");\nk.s.n.set(b);';
    expect(frameOf(two).layouts.map((l) => [l.slots.map((s) => s.name), l.bytes]))
      .toEqual([[[], 0], [["a"], 2], [["b"], 2]]);
    const { image } = compileScenario(loadGenerated(program(`${two}\nyield* inner(k);`,
      'function* inner(k: K): Routine { const c: U8 = k.s.n.get();\nyield at("c");\nk.s.n.set(c); }')));
    const [run, inner] = ["run", "inner"].map((name) => image.routines.find((r) => r.name === name)!.frame);
    expect(run!.layouts.at(-1)!.bytes + inner!.bytes).toBe(3);
    expect(image.stateWords).toBe(Math.ceil((image.plan.stateBytes + 3) / 4));
  });
  test("an alias from the same module is looked up", () => {
    expect(frameOf('yield at("x");\nlet v: Small = 2;\nyield at("y");\nk.s.n.set(v);',
      "type Small = Int<-1, 2>;").locals[0]!.type).toMatchObject({ bits: 2, min: -1, max: 2 });
  });
  test("a lock chosen before the wait is remembered; one named by a local is not", () => {
    expect(frameOf('yield at("x");\nyield* spinLock(k, k.page.lock.at(k.s.n.get()));').locals.map((s) => s.name)).toEqual(["$lock1"]);
    expect(frameOf('yield at("x");\nconst p: Ref<"page"> = k.page.next.get(0);\nyield* spinLock(k, k.page.lock.at(p));').locals
      .map((s) => s.name)).toEqual(["p"]);
  });
  test("a value that does not fit its slot is a range fault at the yield", () => {
    const { system } = compileScenario(loadGenerated(program('yield at("x");\nconst v: Int<0, 2> = k.s.n.get() + 5;\nyield at("y");\nk.s.n.set(v);')));
    system.init();
    expect(() => system.step(0)).toThrow(/local v = 5: the value does not fit 0\.\.2/);
  });
  test("a thread may not touch shared state before its first yield", () => {
    const { system } = compileScenario(loadGenerated(program('k.s.n.set(1);\nyield at("x");')));
    expect(() => system.init()).toThrow(/before its first yield/);
  });
});
