/** Branches that a configuration can never take: they take no room and no point, and what is left runs as before. */
import { describe, expect, test } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { compareRuns, compareStraightLine, compileVariants } from "./compare-runs.ts";
import { loadGenerated } from "./load-generated.ts";

/** `p.on` is 1 in every state and `p.off` is 0; `s.x` may be anything. */
const program = (body: string): string => `import { at, choose, holds, int, scenario, struct, table } from "thpcheck";
import type { Routine, U8, World } from "thpcheck";
const structs = {
  p: struct({ on: int(1, 1, "on"), off: int(0, 0, "off") }), q: table(2, { off: int(0, 0, "off") }),
  s: struct({ x: int(0, 99, "x"), y: int(0, 99, "y") }),
};
type K = World<typeof structs>;
const LIMIT = 3;
const OFF = false;
function* left(k: K): Routine { yield at("left: 1"); k.s.x.add(1); yield at("left: 2"); k.s.x.add(1); }
function* right(k: K): Routine<U8> { yield at("right: 1"); const seen: U8 = k.s.x.get(); yield at("right: 2"); return seen; }
function* run(k: K): Routine {
  yield at("go");
${body}
  yield at("end");
  k.s.x.add(1);
}
export default scenario({ name: "prune", why: "a test", tier: "quick", structs, threads: [{ name: "a", run }], expect: holds() });
`;
const CALLS = "{ yield* left(k); }";

/** What the program consists of: the routines, and the labels of the first one. */
function made(body: string): { routines: string[]; labels: string[]; bytes: number } {
  const { image } = compileScenario(loadGenerated(program(body)));
  const run = image.routines.find((r) => r.name === "run")!;
  return {
    routines: image.routines.map((r) => r.name).sort(),
    labels: run.points.flatMap((p) => (p === null ? [] : [p.label])), bytes: run.frame.bytes,
  };
}

/** Compiled in all variants, it does what it does natively; `answers` are those of its choices. */
function runsAsWritten(body: string, answers: readonly number[] = []): void {
  const scenario = loadGenerated(program(body));
  expect(compareRuns(scenario, [{ actor: 0, answers: [...answers] }], compileVariants(scenario))).toBeGreaterThan(0);
  if (answers.length === 0) expect(compareStraightLine(scenario, [])).toBe(true);
}

describe("a branch that is never taken is no part of the program", () => {
  test.each([
    ["a field with one value", `if (k.p.off.get() !== 0) ${CALLS}`],
    ["the other branch of one", `if (k.p.on.get() === 1) k.s.y.add(1); else ${CALLS}`],
    ["a captured constant", `if (LIMIT > 4) ${CALLS}`],
    ["a literal", `if (false) ${CALLS}`],
    ["a negation", `if (!k.p.on.get()) ${CALLS}`],
    ["a captured boolean, as an operand", `if (OFF || k.p.off.get() === 1) ${CALLS}`],
    ["a conjunction whose left side decides", `if (k.p.off.get() !== 0 && k.s.x.addReturn(50) > 0) ${CALLS}`],
    ["behind a return that is always reached", `if (k.p.on.get() !== 0) return; yield* left(k);`],
    ["behind a break", `for (;;) { if (k.p.on.get() === 1) break; yield* left(k); }`],
    ["behind two branches that both return", `if (k.s.x.get() > 0) { return; } else if (LIMIT === 3) return; yield* left(k);`],
    ["in a case", `switch (k.s.x.get()) { case 0: if (k.p.off.get() !== 0) ${CALLS} break; default: k.s.y.add(1); }`],
    ["in a loop", `for (let i: U8 = 0; i < 2; i++) if (k.p.off.get() !== 0) ${CALLS}`],
  ])("%s", (_, body) => {
    const { routines, labels } = made(body);
    expect(routines).toEqual(["run"]);
    expect(labels.filter((l) => l !== "go" && l !== "end")).toEqual([]);
    runsAsWritten(body);
  });

  test("its locals have no slot", () => {
    const kept = made("const a: U8 = k.s.x.get(); if (k.p.on.get() !== 0) { yield at(\"x\"); k.s.y.set(a); }").bytes;
    expect(made("const a: U8 = k.s.x.get(); if (k.p.off.get() !== 0) { yield at(\"x\"); k.s.y.set(a); }").bytes).toBe(kept - 1);
  });
});

describe("a branch that may be taken stays", () => {
  test.each([
    ["a field of the state", `if (k.s.x.get() !== 0) ${CALLS}`],
    ["the branch that is always taken", `if (k.p.on.get() !== 0) ${CALLS}`],
    ["a conjunction whose left side changes something", `if (k.s.x.addReturn(1) > 5 && k.p.off.get() !== 0) ${CALLS}`],
    ["a disjunction that is false on the left", `if (k.p.off.get() !== 0 || k.s.x.get() === 0) ${CALLS}`],
    ["a field of a table, whose index may be wild", `const i: U8 = k.s.x.get(); if (k.q.off.get(i) !== 0) ${CALLS}`],
    ["a local", `let n: U8 = 0; if (k.s.x.get() === 0) n = 1; if (n === 1) ${CALLS}`],
    ["behind a break to a label", `out: { if (k.p.on.get() === 1) break out; k.s.y.add(1); } yield* left(k);`],
    ["behind a loop that is left", `while (k.p.on.get() === 1) { if (k.s.x.get() === 0) break; return; } yield* left(k);`],
    ["behind a switch whose cases all break", `switch (k.s.x.get()) { case 0: break; default: return; } yield* left(k);`],
  ])("%s", (_, body) => {
    expect(made(body).routines).toContain("left");
    runsAsWritten(body);
  });

  test.each([0, 1])("on either side of a choice, option %i", (answer) => {
    const body = `const c = choose(k, "which", 2);
if (c === 0) { if (k.p.on.get() !== 0) ${CALLS} else k.s.y.add(7); } else { const r: U8 = yield* right(k); k.s.y.set(r + 1); }`;
    expect(made(body).routines).toEqual(["left", "right", "run"]);
    runsAsWritten(body, [answer]);
  });
});
