/** What the instrumented variant announces of indivisible operations and assertions, and what a guard "model" refuses. */
import { expect, test } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { ADD, ATOMIC, READ, WRITE, type StepObserver } from "../../../checker/program/observer.ts";
import { loadGenerated } from "./load-generated.ts";

/** What the one step of a program with this body announces: field and mode, `?(` and `)?` around assertions. */
function announced(body: string, helpers = ""): string[] {
  const log: string[] = [];
  const mode = new Map<number, string>([[READ, "read"], [WRITE, "write"], [ATOMIC, "atomic"], [ADD, "add"]]);
  const scenario = loadGenerated(`
import { at, bool, bugOn, holds, int, scenario, spinTrylock, spinlock, struct } from "thpcheck";
const structs = { s: struct({ n: int(0, 9, "n"), a: int(0, 9, "a", { guard: "atomic" }), free: bool("free", { guard: "model" }), lock: spinlock("lock") }) };
${helpers}
function* main(k) { yield at("go"); ${body} }
export default scenario({ name: "announce", why: "a test", tier: "quick", structs, threads: [{ name: "main", run: main }], expect: holds() });
`);
  const nothing = (): void => {};
  let fields: readonly { readonly field: string }[] = [];
  const observer: StepObserver = {
    beginStep: nothing, endStep: nothing, release: nothing, acquireFailed: nothing,
    access: (field, _i, _j, m) => log.push(`${mode.get(m)} ${fields[field]!.field}`),
    acquire: () => log.push("acquire"),
    assertion: (begins) => log.push(begins ? "?(" : ")?"),
  };
  const { system, image } = compileScenario(scenario, { variant: "instrumented", observer });
  fields = image.plan.fields;
  system.init();
  system.step(0);
  return log;
}

test("an exchange or a conditional addition is one indivisible access on any field, a plain addition on an atomic one", () => {
  expect(announced("k.s.n.xchg(1); k.s.n.addReturn(1); k.s.n.addUnless(1, 0);")).toEqual(["atomic n", "atomic n", "atomic n"]);
  expect(announced("k.s.a.add(1); k.s.n.add(1);")).toEqual(["add a", "read n", "write n"]);
});

test("the condition of an assertion is marked as such, with what its helpers read", () => {
  expect(announced('bugOn(k.s.n.get() === 3 || odd(k), "no"); k.s.n.set(1);',
    "function odd(k) { return k.s.a.get() % 2 === 1; }")).toEqual(["?(", "read n", "read a", ")?", "write n"]);
});

test("a condition that keeps what it read is part of the program", () => {
  expect(announced('let x = 0; bugOn((x = k.s.n.get()) === 3, "no"); k.s.a.set(x);')).toEqual(["read n", "write a"]);
});

test.each(["k.s.free.once()", "k.s.free.setOnce(true)", "k.s.free.cmpxchg(false, true)",
  "k.s.free.xchg(true)"])("%s on bookkeeping of the model is refused", (access) => {
  expect(() => announced(`${access};`)).toThrow(/guarded "model"/);
});
