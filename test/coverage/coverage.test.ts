/** Coverage of the kernel: that counters count, that runs add up, and that reasons are held to what was measured. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { recordCoverage } from "../../checker/program/coverage-log.ts";
import { EV } from "../../spec/events.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { SCAN_SUCCEED } from "../../impl/khugepaged/scan-result.ts";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { RW, SequentialKernel } from "../impl/sequential-kernel.ts";
import { compare, type Reason } from "./compare.ts";
import { functionsOfImpl } from "./functions.ts";
import { merge, mergeBlocks, ROOT, scanResultTimes, type Block } from "./recorded.ts";
import { UNREACHED } from "./unreached.ts";

test("a run counts its blocks and its scan results", () => {
  const log = recordCoverage([EV.COLLAPSE_RESULT]);
  const s = new SequentialKernel({ pagesPerHugePage: 2, hugeRanges: 2, frames: 12, mms: 1, cpus: 1, enabled: 0 });
  const ran = (routine: string): number => merge([log.blocks()]).filter((b) => b.file === "impl/khugepaged/collapse.ts" && b.routine === routine && b.count > 0).length;
  s.mmap(0, 0, 2, RW, MAP_FIXED);
  s.store(0, 0, 1);
  expect(ran("collapseHugePage")).toBe(0);
  expect(s.madvise(0, 0, 2, MADV_COLLAPSE)).toBe(0);
  expect(ran("collapseHugePage")).toBeGreaterThan(0);
  expect(ran("reattachTable")).toBe(0);
  expect(scanResultTimes(log).map((times, code) => (times > 0 ? `${code} ${times}` : "")).filter((x) => x !== "")).toEqual([`${SCAN_SUCCEED} 1`]);
});

const block = (line: number, count: number, routine = "f"): Block => ({ file: "impl/x.ts", line, column: 1, routine, count });
const text = (_file: string, line: number): string => `  line ${line};`;
const f = { file: "impl/x.ts", name: "f", line: 1 };
const reason = (source: string, name = "f"): Reason => ({ file: "impl/x.ts", function: name, source, why: "because" });

test("runs add up; only the kernel counts", () => {
  expect(mergeBlocks([[block(1, 0), block(2, 1)], [block(1, 3), { ...block(9, 1), file: "test/x.ts" }]])).toEqual([block(1, 3), block(2, 1)]);
});

test("what is unreached needs a reason", () => {
  expect(compare([block(1, 1), block(2, 0)], [f], [], text).unexplained).toEqual([{ file: "impl/x.ts", line: 2, function: "f", source: "line 2;" }]);
  expect(compare([block(1, 1), block(2, 0)], [f], [reason("line 2;")], text)).toMatchObject({ reached: 1, blocks: 2, unexplained: [], stale: [], explained: [{ line: 2, why: "because" }] });
});

test("a reason for a line that is reached, or of another function, is stale", () => {
  expect(compare([block(1, 1), block(2, 1)], [f], [reason("line 2;")], text).stale).toEqual([reason("line 2;")]);
  expect(compare([block(1, 1), block(2, 0)], [f], [reason("line 2;", "g")], text)).toMatchObject({ unexplained: [{ line: 2 }], stale: [reason("line 2;", "g")] });
});

test("a function that nothing compiles is unreached", () => {
  expect(compare([block(1, 1)], [f, { file: "impl/x.ts", name: "g", line: 7 }], [], text).unexplained).toEqual([{ file: "impl/x.ts", line: 7, function: "g", source: "line 7;" }]);
});

test("the functions of the kernel are found", () => {
  const names = functionsOfImpl().map((x) => `${x.file} ${x.name}`);
  expect(names).toEqual(expect.arrayContaining(["impl/memory.ts handleMmFault", "impl/memory.ts handlePteFault", "impl/pgtable.ts pmdNone"]));
});

test("every written reason is for a line that exists, and is given once", () => {
  const missing = UNREACHED.filter((r) => !readFileSync(join(ROOT, r.file), "utf8").split("\n").some((line) => line.trim() === r.source));
  expect(missing).toEqual([]);
  expect(new Set(UNREACHED.map((r) => `${r.file} ${r.function} ${r.source}`)).size).toBe(UNREACHED.length);
  expect(UNREACHED.filter((r) => r.why.length < 20)).toEqual([]);
});
