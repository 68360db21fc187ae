/** The table of scan results: what counts as reached, and what is listed at all. */
import { expect, test } from "vitest";
import { SCAN_FAIL, SCAN_STATUS, SCAN_SUCCEED } from "../../impl/khugepaged/scan-result.ts";
import { CHOSEN, MISSING, scanResultRows, unreachedResults } from "./scan-results.ts";

const everyOne = Object.keys(SCAN_STATUS).map((code) => ({ result: Number(code), source: "a test", times: 1 }));

test("each result of the kernel is listed once, with a code or with the missing part", () => {
  const names = scanResultRows([]).map((r) => r.result);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBe(Object.keys(SCAN_STATUS).length + Object.keys(MISSING).length);
  expect(Object.keys(CHOSEN).filter((code) => SCAN_STATUS[Number(code)] === undefined)).toEqual([]);
});

test("a result is unreached until somebody gets it; what is not modelled is not asked for", () => {
  expect(unreachedResults(scanResultRows([]))).toEqual(Object.values(SCAN_STATUS));
  expect(unreachedResults(scanResultRows(everyOne))).toEqual([]);
  expect(unreachedResults(scanResultRows(everyOne.filter((s) => s.result !== SCAN_FAIL)))).toEqual([SCAN_STATUS[SCAN_FAIL]]);
});

test("who got it most often comes first", () => {
  const rows = scanResultRows([{ result: SCAN_SUCCEED, source: "once", times: 1 }, { result: SCAN_SUCCEED, source: "often", times: 9 }]);
  expect(rows.find((r) => r.result === SCAN_STATUS[SCAN_SUCCEED])).toMatchObject({ times: 10, by: ["often", "once"] });
});
