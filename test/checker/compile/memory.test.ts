/** A process compiles hundreds of scenarios: what belongs to one of them must not stay behind. */
import v8 from "node:v8";
import vm from "node:vm";
import { parseExpression } from "@babel/parser";
import generate from "@babel/generator";
import type { Expression } from "@babel/types";
import { describe, expect, test } from "vitest";
import { compileImage } from "../../../checker/compile/compile.ts";
import { quasi, templateCount } from "../../../checker/compile/quasi.ts";
import type { ProgramScenario } from "../../../checker/scenario.ts";
import dining from "../../models/dining-philosophers.ts";

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc") as () => void;
const print = (e: Expression): string => generate(e, { compact: true }).code;

describe("a template", () => {
  test("has numbers, strings and names where they were", () => {
    expect(print(quasi('$fit($v >= 12 ? $B[$p + 3] << 4 : -5, "no 7 here", $t0, $c1)',
      { $v: parseExpression("x + 1"), $p: parseExpression("y") }))).toBe('$fit(x+1>=12?$B[y+3]<<4:-5,"no 7 here",$t0,$c1)');
    expect(print(quasi("f(4294967295, 0)"))).toBe("f(4294967295,0)");
  });
  test("serves all numbers: a field more, or a line further down, is no new template", () => {
    quasi("$fit($v, 1, 2)", { $v: parseExpression("x") });
    const before = templateCount();
    for (let n = 0; n < 50; n++) quasi(`$fit($v, ${n}, ${1000 + n})`, { $v: parseExpression("x") });
    expect(templateCount()).toBe(before);
  });
  test("is not changed by what is done to a copy of it", () => {
    const first = quasi("a + $x", { $x: parseExpression("1 * b") });
    (first as unknown as { operator: string; left: { name: string } }).operator = "-";
    (first as unknown as { operator: string; left: { name: string } }).left.name = "changed";
    expect(print(quasi("a + $x", { $x: parseExpression("c") }))).toBe("a+c");
  });
});

test("what a scenario was compiled to is let go with it", async () => {
  const scenario = ([dining].flat() as unknown as ProgramScenario[])[0]!;
  // The first compilation of a function prepares its tree, which is kept: nothing of the compilation may hang on it.
  const plan = new WeakRef(compileImage({ ...scenario }).plan);
  for (let n = 0; n < 10 && plan.deref() !== undefined; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  expect(plan.deref()).toBeUndefined();
});
