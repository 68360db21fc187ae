/** Records: what is refused and why, which members take room in a state, and that a member that nobody will read is not part of it. */
import { describe, expect, test } from "vitest";
import { CompileError } from "../../../checker/compile/compile-error.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { explore } from "../../../checker/search/explore.ts";
import { compareRuns, compareStraightLine, compileVariants } from "./compare-runs.ts";
import { loadGenerated } from "./load-generated.ts";

const STRUCTS = [
  's: struct({ x: int(0, 9, "x"), y: int(0, 99, "y") })', 'page: table(3, { v: int(0, 7, "v") })',
  'bound: struct({ scheme: int(1, 1, "which scheme", { init: 1 }) })',
];

/** The routine body starts on line 8. */
const program = (body: string, extra = ""): string => `import { at, choose, holds, int, record, scenario, struct, table } from "thpcheck";
import type { Int, Mask, Ref, Routine, U, U8, World } from "thpcheck";
const structs = { ${STRUCTS.join(", ")} };
type K = World<typeof structs>;
interface Fault { address: U<3>; pte: U<3>; ok: boolean }
type Range = { first: U<2>; last: U<2> };
function* run(k: K): Routine {
${body}
}
${extra}
export default scenario({ name: "records", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }], expect: holds() });
`;
const MADE = "const f: Fault = record({ address: 1, pte: 2, ok: false });";
const FRESH = 'yield at("go");\nconst vmf: Fault = record({ address: 1, pte: 2, ok: false });';

const refused: readonly [what: string, body: string, line: number, says: RegExp, extra?: string][] = [
  ["a second name", `${FRESH}\nconst other = vmf;`, 10, /record vmf gets a second name\. Two names/],
  ["a record assigned to another", `${FRESH}\nlet other: Fault = record({ address: 1, pte: 2, ok: false });\nother = vmf;`, 11,
    /record other is assigned as a whole/],
  ["a record stored", `${FRESH}\nlet other = 0;\nother = vmf;`, 11, /record vmf is stored/],
  ["a record in an array", `${FRESH}\nk.s.x.set(count([vmf]));`, 10, /record vmf is used as a value/,
    "function count(a: unknown[]): number { return a.length; }"],
  ["a record passed twice", `${FRESH}\ntwo(k, vmf, vmf);`, 10, /record vmf is passed twice to one call/,
    "function two(k: K, a: Fault, b: Fault): void { a.pte = 1; k.s.x.set(b.pte); }"],
  ["the same to a routine", `${FRESH}\nyield* two(k, vmf, vmf);`, 10, /record vmf is passed twice to one call/,
    'function* two(k: K, a: Fault, b: Fault): Routine { yield at("in"); a.pte = 1; k.s.x.set(b.pte); }'],
  ["a record spread", `${FRESH}\nconst other: Fault = record({ ...vmf });`, 10, /made of named members only/],
  ["a record spread into arguments", `${FRESH}\nk.s.x.set(Math.max(...vmf));`, 10, /record vmf is spread/],
  ["records compared", `${FRESH}\nif (vmf === null) k.s.x.set(1);`, 10, /record vmf is compared/],
  ["a record captured by a closure", 'yield at("go");\nhelper(k);', 12, /record f is captured by a closure/,
    `function helper(k: K): void { ${MADE}\n[1].forEach((x) => { f.pte += x; }); k.s.x.set(f.pte); }`],
  ["a record handed on by a closure", 'yield at("go");\nhelper(k);', 12, /record f is captured by a closure/,
    `function helper(k: K): void { ${MADE}\n[1].forEach(() => { read(k, f); }); }
     function read(k: K, f: Fault): void { k.s.x.set(f.pte); }`],
  ["a record made in a closure", 'yield at("go");\nhelper(k);', 12, /record f is made in a closure/,
    `function helper(k: K): void {\n[1].forEach(() => { ${MADE} k.s.x.set(f.pte); }); }`],
  ["a guard that writes", `${FRESH}\nyield at("w", () => (vmf.pte = 3) === 3);`, 10, /a guard changes a record/],
  ["a guard whose helper writes", `${FRESH}\nyield at("w", () => bump(vmf) > 0);`, 10, /a guard changes a record/,
    "function bump(f: Fault): number { f.pte += 1; return f.pte; }"],
  ["a parameter that is returned", `${FRESH}\nconst same = back(vmf);`, 13, /record f is returned, and its caller has it already/,
    "function back(f: Fault): Fault { const g: Fault = record({ address: 1, pte: 2, ok: true }); if (f.ok) return g;\nreturn f; }"],
  ["a parameter that gets a second name", `${FRESH}\nread(k, vmf);`, 13, /record f gets a second name/,
    "function read(k: K, f: Fault): void {\nconst g = f; k.s.x.set(g.pte); }"],
  ["a computed member", `${FRESH}\nk.s.x.set(vmf["pte"]);`, 10, /a computed member of record vmf/],
  ["an unknown member", `${FRESH}\nk.s.x.set(vmf.ptl);`, 10, /record vmf has no member ptl\. It has address, pte, ok/],
  ["a member deleted", `${FRESH}\ndelete vmf.pte;`, 10, /a member of a record is deleted/],
  ["a record without a name", 'yield at("go");\nread(k, record({ address: 1, pte: 2, ok: false }));', 9, /this record gets no name/,
    "function read(k: K, f: Fault): void { k.s.x.set(f.pte); }"],
  ["a returned record without a name", 'yield at("go");\nmake();', 9, /the record that make returns gets no name/,
    "function make(): Fault { return record({ address: 1, pte: 2, ok: false }); }"],
  ["a record of unknown type", 'yield at("go");\nconst vmf = record({ address: 1, pte: 2, ok: false });', 9,
    /the type of this record is not known\. Write const vmf: Fault/],
  ["a record of a type that is none", 'yield at("go");\nconst vmf: U8 = record({ address: 1 });', 9, /U8 is no record type/],
  ["a member left out", 'yield at("go");\nconst vmf: Fault = record({ address: 1, ok: false });', 9, /Fault lacks pte/],
  ["a member too many", 'yield at("go");\nconst vmf: Fault = record({ address: 1, pte: 2, ok: false, more: 1 });', 9,
    /Fault has no member more/],
  ["a member given twice", 'yield at("go");\nconst vmf: Fault = record({ address: 1, pte: 2, ok: false, pte: 1 });', 9,
    /member pte is given twice/],
  ["no literal", 'yield at("go");\nconst vmf: Fault = record(box);', 9, /not made of an object literal/,
    "const box = { address: 1, pte: 2, ok: false };"],
  ["a record made of itself", 'yield at("go");\nconst vmf: Fault = record({ address: 1, pte: vmf.address, ok: false });', 9,
    /vmf is used before its declaration/],
  ["a record in a record", 'yield at("go");\nconst o: Outer = record({ inner: 1 });', 11,
    /record type Outer: member inner is a record itself/, "interface Outer { inner: Fault }"],
  ["an optional member", 'yield at("go");\nconst o: Outer = record({ a: 1 });', 11, /record type Outer: member a is optional/,
    "interface Outer { a?: U8 }"],
  ["a method", 'yield at("go");\nconst o: Outer = record({ a: 1 });', 11, /A record has named members/, "interface Outer { a(): U8 }"],
  ["an interface that extends another", 'yield at("go");\nconst o: Outer = record({ a: 1 });', 11, /extends another/,
    "interface Outer extends Fault { a: U8 }"],
  ["another type than what is received", 'yield at("go");\nconst r: Range = make();', 9, /r is declared as another type/,
    "function make(): Fault { return record({ address: 1, pte: 2, ok: false }); }"],
  ["now a record, now none", 'yield at("go");\nconst vmf = make(1);', 12, /returns now a record, now something else/,
    "function make(n: number): Fault { if (n > 0) return record({ address: 1, pte: 2, ok: false });\nreturn null; }"],
  ["a record handed to what is no function of one's own", `${FRESH}\nk.s.x.set(Math.max(vmf));`, 10,
    /handed to Math\.max, which is no function of a module of your own/],
  ["a member of unknown width that lives across a yield",
    'yield at("go");\nconst w: Wide = record({ n: 1 });\nyield at("x");\nk.s.x.set(w.n);', 13,
    /local w\.n lives across a yield.*width of type number/, "interface Wide { n: number }"],
];

describe("refused, with place and remedy", () => {
  test.each(refused)("%s", (_what, body, line, says, extra) => {
    let error: unknown = null;
    try {
      compileScenario(loadGenerated(program(body, extra)));
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(CompileError);
    const e = error as CompileError;
    expect(e.message).toMatch(says);
    expect(e.line, e.message).toBe(line);
  });
});

describe("the same as natively", () => {
  test.each<[string, string, string?]>([
    ["the callee sees what a later argument wrote", `${FRESH}\nk.s.x.set(sum(vmf, (vmf.pte = 5)));`,
      "function sum(f: Fault, n: number): number { return f.pte + n - 1; }"],
    ["and so does a routine", `${FRESH}\nyield* sum(k, vmf, (vmf.pte = 4));`,
      'function* sum(k: K, f: Fault, n: U<3>): Routine { k.s.x.set(f.pte + n); yield at("in"); k.s.y.set(f.pte); }'],
    ["what stands left of a call is read before it, what stands right behind it",
      `${FRESH}\nk.s.y.set(vmf.pte * 20 + bump(vmf) + vmf.pte);`, "function bump(f: Fault): number { f.pte += 3; return 1; }"],
    ["an index is read before the call in the value changes it", `${FRESH}\nk.page.v.set(vmf.pte, bump(vmf));`,
      "function bump(f: Fault): number { f.pte = 0; return 6; }"],
    ["written in a condition, on one path only",
      `${FRESH}
       for (let i: U<2> = 0; i < 3; i++) { if (vmf.ok || step(vmf, i)) { yield at("x"); k.s.x.set(vmf.pte);
       } else if (step(vmf, 1) && step(vmf, 2)) k.s.y.add(vmf.address); }`,
      `function step(f: Fault, i: number): boolean { if (i === 1) { f.pte = 5; return false; } f.address += 1;
       return f.address > 3; }`],
    ["handed down three levels, written on the way and in the guards' sight",
      `${FRESH}\nconst r: U8 = yield* one(k, vmf);\nyield at("end", () => vmf.ok);\nk.s.y.set(r + vmf.pte + vmf.address);`,
      `function* one(k: K, f: Fault): Routine<U8> { yield at("1"); f.address += 1; return yield* two(k, 3, f); }
       function* two(k: K, n: U<3>, f: Fault): Routine<U8> {
         yield at("2", () => f.address === 2); if (f.ok) return 1; yield* three(k, f); f.pte += n; return f.address;
       }
       function* three(k: K, f: Fault): Routine { f.ok = !f.ok; yield at("3"); f.pte = k.s.x.get(); yield at("3b"); }`],
    ["a walk that a routine advances",
      `${FRESH}
       const w: Range = record({ first: 0, last: 3 });
       while (yield_(w)) { const more: boolean = yield* advance(k, w); if (!more) break; k.s.y.add(w.first); }
       k.s.x.set(w.last + w.first);`,
      `function yield_(w: Range): boolean { return w.first < w.last; }
       function* advance(k: K, w: Range): Routine<boolean> { yield at("step"); w.first++; if (w.first === 2) { w.last = 2;
       return false; } yield at("more"); return true; }`],
    ["two records of one type in one call",
      `${FRESH}
       const other: Fault = record({ ok: true, pte: 1, address: 0 });
       yield* swap(k, vmf, other);
       k.s.y.set(vmf.pte * 10 + other.pte);`,
      `function* swap(k: K, a: Fault, b: Fault): Routine { yield at("in"); const n = a.pte; a.pte = b.pte; b.pte = n;
       yield at("out"); }`],
    ["records returned: fresh, local, through a routine",
      `yield at("go");
       const a = plain(2);
       const b: Fault = yield* later(k, a.pte);
       yield at("x");
       k.s.y.set(a.pte * 10 + b.pte);
       const c = yield* later(k, 7);
       if (c.ok) k.s.x.set(c.pte);`,
      `function plain(n: number): Fault { const f: Fault = record({ address: n, pte: n + 1, ok: n > 1 }); f.address = 0;
       return f; }
       function* later(k: K, n: U<3>): Routine<Fault> { yield at("l");
       if (n > 4) return record({ ok: true, address: n, pte: n - 1 }); const f = plain(n); yield at("m"); f.pte++; return f; }`],
    ["a record made anew in each round of a loop",
      `yield at("go");
       for (let i: U<2> = 0; i < 3; i++) { const f: Fault = record({ address: i, pte: 0, ok: false }); yield at("a");
       f.pte += f.address; yield at("b"); k.page.v.set(i, f.pte); }`],
    ["through a record of functions, chosen by a bound",
      `${FRESH}
       SCHEMES[k.bound.scheme.get()]!.plain(vmf);
       yield* SCHEMES[k.bound.scheme.get()]!.routine(k, vmf);
       k.s.y.set(vmf.pte * 10 + vmf.address);`,
      `function plain(f: Fault): void { f.pte = 5; }
       function* routine(k: K, f: Fault): Routine { yield at("in"); f.address = 6; yield at("out"); }
       const SCHEMES: Record<number, { plain: (f: Fault) => void;
       routine: (k: K, f: Fault) => Routine }> = { 1: { plain, routine } };`],
    ["kept over a yield for a routine that may leave it as it is",
      `${FRESH}\nyield at("x");\nyield* maybe(k, vmf);\nyield at("y");\nk.s.y.set(vmf.pte * 10 + vmf.address);`,
      `function* maybe(k: K, f: Fault): Routine { yield at("in"); if (k.s.x.get() === 3) f.pte = 5; else f.address = 0;
       yield at("out"); }`],
    ["kept over a yield for a plain function that may leave it as it is",
      `${FRESH}\nyield at("x");\nmaybe(k, vmf);\nyield at("y");\nk.s.y.set(vmf.pte * 10 + vmf.address);`,
      "function maybe(k: K, f: Fault): void { if (k.s.x.get() === 3) f.pte = 5; else f.address = 0; }"],
    ["a plain function that calls itself", `${FRESH}\ndown(vmf, 3);\nk.s.x.set(vmf.pte + vmf.address);`,
      "function down(f: Fault, n: number): void { if (n === 0) return; f.pte += 1; down(f, n - 1); f.address += 1; }"],
    ["a result that goes into the record that was passed",
      `${FRESH}\nvmf.pte = yield* get(k, vmf);\nk.s.y.set(vmf.pte * 10 + vmf.address);`,
      `function* get(k: K, f: Fault): Routine<U<3>> { yield at("in"); f.pte = 1; f.address = 3; return f.pte + f.address; }`],
    ["a return behind an assignment to a member", `${FRESH}\nconst n: U8 = yield* get(k, vmf);\nk.s.y.set(n * 10 + vmf.pte);`,
      'function* get(k: K, f: Fault): Routine<U8> { yield at("in"); return (f.pte = 4) + f.pte; }'],
  ])("%s", (_, body, extra) => {
    const scenario = loadGenerated(program(body, extra));
    const variants = compileVariants(scenario);
    expect(compareRuns(scenario, [{ actor: 0, answers: [] }], variants)).toBeGreaterThan(0);
    expect(compareStraightLine(scenario, [])).toBe(true);
  });
});

describe("room in a state", () => {
  const framesOf = (body: string, extra?: string): Record<string, string[]> =>
    Object.fromEntries(compileScenario(loadGenerated(program(body, extra))).image.routines
      .map((r) => [r.name, r.frame.locals.map((s) => s.name).sort()]));

  test("a slot per member, and only for those that live across a yield", () => {
    expect(framesOf(`${FRESH}\nyield at("x");\nk.s.x.set(vmf.pte);`)).toEqual({ run: ["vmf.pte"] });
  });
  test("a callee keeps what it uses behind a yield; what it writes for its caller lies in one frame at a time", () => {
    const frames = framesOf(`${FRESH}\nyield* inner(k, vmf);\nyield at("x");\nk.s.x.set(vmf.pte);`,
      'function* inner(k: K, f: Fault): Routine { yield at("in"); k.s.y.set(f.address); yield at("mid"); f.pte = 3; yield at("out"); }');
    expect(frames).toEqual({ run: ["vmf.pte"], inner: ["f.address", "f.pte"] });
  });
  test("a member that the caller does not read again is not kept for it", () => {
    const frames = framesOf(`${FRESH}\nyield* inner(k, vmf);\nyield at("x");`,
      'function* inner(k: K, f: Fault): Routine { yield at("in"); f.pte = 3; yield at("out"); }');
    expect(frames).toEqual({ run: [], inner: [] });
  });

  /** States of a thread that chooses a member's value, and then takes a step with it. */
  const states = async (use: string): Promise<number> => {
    const body = `yield at("go");
const vmf: Fault = record({ address: choose(k, "address", 8), pte: 0, ok: false });
yield* inner(k, vmf);
yield at("x");${use}`;
    const inner = 'function* inner(k: K, f: Fault): Routine { yield at("in"); f.pte = f.address; yield at("out"); }';
    const { system, source } = compileScenario(loadGenerated(program(body, inner)));
    return (await explore(system, source, { ...DEFAULT_CHECK_OPTIONS, workers: 1 })).measures.states;
  };
  test("a dead member takes no part in the fingerprint", async () => {
    // start; in with 8 addresses; out; x; the end.
    expect(await states("")).toBe(1 + 8 + 1 + 1 + 1);
    // Eight values of pte at out and x, and eight ends.
    expect(await states(" k.s.x.set(vmf.pte);")).toBe(1 + 8 + 8 + 8 + 8);
  });
});
