/** Routines and promises: what the subset refuses, what goes wrong in a step, and what a promise gives that is no answer. */
import { moduleWith, moduleWithBody } from "../base.ts";
import type { Ending, Input } from "../input.ts";
import { VALUES, VALUE_NAMES } from "../values.ts";

/** Statements behind a first yield that no program may have. */
const REFUSED: Readonly<Record<string, string>> = {
  await: "await 1;", this: "k.counter.value.set((this as any).x);", "new object": "const m = new Map(); k.counter.value.set(m.size);",
  closure: "const f = () => 1; k.counter.value.set(f());", "nested function": "function f() { return 1; } k.counter.value.set(f());",
  "class inside": "class A {} k.counter.value.set(1);", try: "try { k.counter.value.set(1); } catch { k.counter.value.set(2); }",
  "yield in an expression": "k.counter.value.set(1 + (yield at('y') as any));", "yield of a number": "yield 5 as any;",
  "yield* of a number": "yield* 5 as any;", "yield* of a helper": "yield* Math.abs(1) as any;",
  "label by state": "yield at('x' + k.counter.value.get());",
  "guard elsewhere": "yield at('x', guard);", "guard that writes": "yield at('x', () => { k.counter.value.set(1); return true; });",
  "guard that cmpxchgs": "yield at('x', () => k.counter.value.cmpxchg(0, 1));", var: "var x = 1; k.counter.value.set(x);",
  destructuring: "const { x } = { x: 1 }; k.counter.value.set(x);", "array destructuring": "const [x] = [1]; k.counter.value.set(x);",
  "stored world": "const w = k; w.counter.value.set(1);", "world in an array": "const w = [k]; w[0]!.counter.value.set(1);",
  "spread arguments": "k.counter.value.set(...[1] as [number]);", "no struct": "(k as any).nothing.value.set(1);",
  "no field": "(k as any).counter.nothing.set(1);", "no operation": "(k as any).counter.value.push(1);",
  "computed field": "(k as any)['counter'].value.set(1);",
  "too few": "(k.counter.value as any).set();", "too many": "(k.counter.value as any).set(1, 2, 3);",
  "lock as a number": "k.counter.value.set(k.counter.lock as any);",
  date: "k.counter.value.set(Date.now());", random: "k.counter.value.set(Math.random());",
  "random otherwise": "k.counter.value.set(Math['random']());",
  global: "k.counter.value.set((globalThis as any).x);", process: "k.counter.value.set(process.pid);", require: "(require as any)('fs');",
  import: "const m = import('node:fs');", eval: "eval('1');", "captured counter": "outside++;", "captured array": "list[0] = 1;",
  "captured map": "k.counter.value.set(map.size);", "captured getter": "k.counter.value.set(box.size);",
  "captured proxy": "k.counter.value.set(proxy.size);",
  "use before const": "k.counter.value.set(x); const x: U8 = 1;",
  "other case": "switch (k.counter.value.get()) { case 0: const x: U8 = 1; break; case 1: k.counter.value.set(x); }",
  "unknown width": "const x = k.counter.value.get() + 1; yield at('y'); k.counter.value.set(x);",
  "wide slot": "const x: U<40> = 1 as any; yield at('y'); k.counter.value.set(x);",
  "for of with a yield": "for (const x of [1]) { yield at('y'); k.counter.value.set(x); }", recursion: "yield* body(k);",
  async: "async () => 1;",
  "a helper that is missing": "missing(k);", "a call that lacks an argument": "two(k);",
  "a call with too many": "(two as any)(k, 1, 2, 3);",
  "choose without the world": "(choose as any)('c', 2);", "choose without options": "(choose as any)(k, 'c');",
  "emit of nothing": "(emit as any)(k);",
  "bugOn of nothing": "(bugOn as any)();", "spinLock without yield*": "spinLock(k, k.counter.lock.at());", "at without yield": "at('y');",
  "a lock of nothing": "yield* (spinLock as any)(k);", "record without a name": "take(record({ a: 1 }) as any);",
  "a name of ours": "const $$0_x = 1; k.counter.value.set($$0_x);",
  with: "k.counter.value.set(1); debugger;", "regular expression": "k.counter.value.set(/x/.test('x') ? 1 : 0); import.meta;",
  enum: "enum E { A } k.counter.value.set(E.A);",
};
const CAPTURED = `let outside = 0; const list = [0], map = new Map(), box = { get size() { return 1; } };
const proxy = new Proxy({ size: 1 }, {});
const guard = () => true; function two(k: K,
  n: number): void { k.counter.value.set(n); } function take(r: { a: U8 }): number { return r.a; }`;

/** What goes wrong when the step is taken: a finding, never a success. */
const FAULTS: Readonly<Record<string, string>> = {
  "a wild index": "k.page.used.set(k.counter.value.get() + 7, true);", "an index of -1": "k.page.used.set(k.page.next.get(0), true);",
  "an index of a fraction": "k.page.used.set(k.counter.value.get() + 0.5, true);",
  "a value too large": "k.counter.value.set(k.counter.value.get() + 10);",
  "a fraction": "k.counter.value.set(k.counter.value.get() + 0.5);",
  "not a number": "k.counter.value.set(k.counter.value.get() / 0 - 1 / 0);",
  "a text": "k.counter.value.set('1' as any);", nothing: "k.counter.value.set(undefined as any);",
  "an object": "k.counter.value.set({} as any);",
  "a local too large": "const x: Int<0, 2> = k.counter.value.get() + 7; yield at('y'); k.counter.value.set(x);",
  "an assertion": "bugOn(k.counter.value.get() === 0, 'zero');", "an unlock of another's": "spinUnlock(k, k.counter.lock.at());",
  "held at exit": "yield* spinLock(k, k.counter.lock.at());",
  "taken twice": "yield* spinLock(k, k.counter.lock.at()); yield* spinLock(k, k.counter.lock.at());",
  "an endless loop": "while (k.counter.value.get() === 0) { }", "an endless for": "for (;;) { if (k.counter.value.get() > 0) break; }",
  "an endless helper": "spin(k);", "endless recursion of a helper": "deep(k, 1);",
  "a guard that never holds": "yield at('y', () => false);",
  "a guard that throws": "yield at('y', () => fails(k));", "a choice of nothing": "choose(k, 'c', k.counter.value.get());",
  "a choice of a fraction": "choose(k, 'c', k.counter.value.get() + 2.5);", "a choice of 2^40": "choose(k, 'c', 2 ** 40);",
  "touched before the first yield": "", "a member of nothing": "k.counter.value.set((undefined as any).x);",
  "a call of nothing": "(([] as any)[0] as any)();",
  ...Object.fromEntries(VALUE_NAMES.filter((v) => !["proxy", "proxy that throws", "revoked proxy", "class"].includes(v)).map((v) =>
    [`throws ${v}`, `throws${VALUE_NAMES.indexOf(v)}(k);`])),
};
const HELPERS = `function spin(k: K): void { while (k.counter.value.get() === 0) { } }
function deep(k: K, n: number): number { return deep(k, n + 1) + 1; }
function fails(k: K): boolean { throw new Error("a guard"); }
${VALUE_NAMES.map((v, n) => `function throws${n}(k: K): void { if (k.counter.value.get() === 0) throw ${VALUES[v]} as any; }`).join("\n")}`;
const PAGES = '{ ...structs, page: table(3, { used: bool("used"), next: ref("page", "next") }) }';

function faulty(what: string, body: string): Input {
  const first = what === "touched before the first yield" ? "k.counter.value.set(1); yield at('x');" : `yield at("x");\n${body}`;
  const text = moduleWithBody(first, { structs: PAGES }, HELPERS).replace("type K = World<typeof structs>", `type K = World<any>`);
  return { family: "bodies", rule: "faults", what, args: ["check", "m.ts"], ends: "failed", files: { "m.ts": text } };
}

/** A promise that gives something else than true. */
const GROUPS = ["always", "step", "finally", "sometimes", "recurring"];
function promise(group: string, what: string, gives: string, ends: Ending): Input {
  const text = moduleWith({ finally: null, [group]: `{ p: (k: K) => { return (${gives}) as any; } }` });
  return { family: "bodies", rule: `${group} gives`, what, args: ["check", "m.ts"], ends, files: { "m.ts": text } };
}
const ODD_ANSWERS: Readonly<Record<string, string>> = {
  "a conjunct that is a number": "{ conjunct: 5, values: {} }", "values that are none": "{ conjunct: 'c', values: null }",
  "values that are a text": "{ conjunct: 'c', values: 'v' }",
  "values without end": "{ conjunct: 'c', values: { get v() { throw new Error('v'); } } }",
  "an endless loop": "(() => { for (;;); })()", "an error": "(() => { throw new Error('p'); })()",
  "a thrown text": "(() => { throw 'p'; })()",
};
const SHOWN = Object.fromEntries(VALUE_NAMES.map((v) => [v, VALUES[v]]));

const SHOWING = '{ counter: struct({ value: int(0, 9, "the count", { show: (v: number) => { return GIVES as any; } }) }) }';

export function bodies(): Input[] {
  const shows = (what: string, gives: string): Input => ({
    family: "bodies", rule: "show gives", what, args: ["check", "m.ts"], ends: "failed",
    files: { "m.ts": moduleWith({ structs: SHOWING.replace("GIVES", () => `(${gives})`) }) },
  });
  return [
    ...Object.entries(REFUSED).map(([what, body]): Input => ({
      family: "bodies", rule: "refused", what, args: ["check", "m.ts"], ends: "refused",
      files: { "m.ts": moduleWithBody(`yield at("x");\n${body}`, {}, CAPTURED) },
    })),
    ...Object.entries(FAULTS).map(([what, body]) => faulty(what, body)),
    ...GROUPS.flatMap((group) => [
      ...VALUE_NAMES.map((v) => promise(group, v, VALUES[v], v === "yes" ? "any" : "failed")),
      ...Object.entries(ODD_ANSWERS).map(([what, gives]) => promise(group, what, gives, "failed")),
    ]),
    ...Object.entries({ ...SHOWN, throws: "(() => { throw new Error('s'); })()", lines: '"a\\nb"' }).map(([what, gives]) =>
      shows(what, gives)),
    ...VALUE_NAMES.flatMap((v) => [
      { rule: "choose options", body: `k.counter.value.set(choose(k, "c", (${VALUES[v]}) as any));` },
      { rule: "choose name", body: `k.counter.value.set(choose(k, (${VALUES[v]}) as any, 2));` },
      { rule: "label", body: `yield at((${VALUES[v]}) as any);` }, { rule: "guard", body: `yield at("y", (${VALUES[v]}) as any);` },
      { rule: "options of at", body: `yield at("y", null, (${VALUES[v]}) as any);` },
        { rule: "bugOn", body: `bugOn((${VALUES[v]}) as any, (${VALUES[v]}) as any);` },
    ].map(({ rule, body }): Input => ({
      family: "bodies", rule, what: v, args: ["check", "m.ts"], ends: "any", files: { "m.ts": moduleWithBody(`yield at("x");\n${body}`) },
    }))),
  ];
}
