/** Lines and exits with an error, from the blocks that ran. */
import { expect, test } from "vitest";
import { linesOfImpl } from "./lines.ts";
import type { Block } from "./recorded.ts";

const TEXT = `
function* f(k) {
  const a = k.x.get();
  if (a > 3) return -ENOMEM;
  else if (a > 2) {
    k.x.set(1);
    return a > 5 ? SCAN_FAIL : SCAN_SUCCEED;
  }
  switch (a) {
    case 0:
    case 1: return VM_FAULT_OOM;
    default: result = -EINVAL;
  }
  yield at("x", () => (a > 0 ? true : false));
  return 0;
}
function g(k) { return -EFAULT; }
const h = (a) => (a > 1 ? -EPERM : 0);
`;
const functions = ["f", "g", "h"].map((name) => ({ file: "impl/x.ts", name, line: 1 }));
/** Counters as the compiler lays them: at the first statement of each block, and behind what may not be left at its end. */
const block = (line: number, column: number, count: number, routine = "f"): Block => ({ file: "impl/x.ts", line, column, routine, count });
const all = (n: number): Block[] => [
  block(3, 3, n), block(4, 14, n), block(5, 8, n), block(6, 5, n), block(7, 20, n), block(7, 32, n), block(9, 3, n), block(11, 13, n), block(12, 14, n), block(14, 3, n), block(15, 3, n),
  block(17, 17, n, "g"), block(18, 19, n, "h"), block(18, 27, n, "h"), block(18, 36, n, "h"),
];
const lines = (blocks: readonly Block[]): ReturnType<typeof linesOfImpl> => linesOfImpl(blocks, functions, () => TEXT);
const but = (line: number, column: number): Block[] => all(1).map((b) => (b.line === line && b.column === column ? { ...b, count: 0 } : b));
const unreached = (blocks: readonly Block[]): string[] => lines(blocks).exits.flatMap((e) => (e.reached ? [] : [`${e.line} ${e.function} ${e.error}`]));

test("every line on which a statement begins is counted; every error that is returned or assigned is an exit", () => {
  expect(lines(all(1)).files).toEqual([{ file: "impl/x.ts", lines: 12, reached: 12 }]);
  expect(lines(all(1)).exits.map((e) => `${e.line} ${e.error}`)).toEqual(["4 ENOMEM", "7 SCAN_FAIL", "11 VM_FAULT_OOM", "12 EINVAL", "17 EFAULT", "18 EPERM"]);
  expect(unreached(all(1))).toEqual([]);
  expect(lines(all(0)).files).toEqual([{ file: "impl/x.ts", lines: 12, reached: 0 }]);
  expect(lines([]).exits.filter((e) => e.reached)).toEqual([]);
});

test.each([
  ["a branch", 4, 14, 11, ["4 f ENOMEM"]],
  ["a value of a conditional expression", 7, 20, 11, ["7 f SCAN_FAIL"]],
  ["a case", 12, 14, 11, ["12 f EINVAL"]],
  ["a function of one expression", 18, 27, 11, ["18 h EPERM"]],
  ["what follows a yield", 15, 3, 11, []],
  // The second statement of a block has no counter of its own.
  ["a block of two lines", 6, 5, 10, []],
] as const)("%s that did not run", (_what, line, column, reached, exits) => {
  const blocks = but(line, column);
  expect(lines(blocks).files[0]!.reached).toBe(reached);
  expect(unreached(blocks)).toEqual(exits);
});
