/** Where a function can come to its end, and so give `undefined`: said too seldom, a comparison would be lowered wrongly. */
import { parse } from "@babel/parser";
import { expect, test } from "vitest";
import { canEnd } from "../../../checker/wasm/kinds.ts";

test.each([
  ["return 1;", false], ["if (a) return 1;", true], ["if (a) return 1; else return 2;", false], ["for (;;) { if (a) break; }", true],
  ["for (;;) switch (a) { case 1: break; case 2: return 3; }", false], ["x: for (;;) switch (a) { case 1: break x; }", true],
  ["x: { if (a) break x; return 1; }", true], ["x: { return 1; }", false], ["x: for (;;) { for (;;) break; }", false],
  ["x: for (;;) { for (;;) break x; }", true], ["while (true) { return 1; }", true], ["throw 1;", false],
])("%s", (text, ends) => {
  const { body } = parse(text, { allowReturnOutsideFunction: true }).program;
  expect(body.every((s) => canEnd(s))).toBe(ends);
});
