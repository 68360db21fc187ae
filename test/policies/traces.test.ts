/** The default trace of every violation by a policy: as for the bugs, `test/bugs/traces.test.ts`. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { median } from "../../checker/report/trace-lengths.ts";
import { LINES_MAX, LINES_WANTED } from "../../checker/report/slice-view.ts";
import { ROOT } from "../bugs/bug.ts";
import type { JudgedTrace } from "../bugs/trace-table.ts";

it("thpcheck policies --traces: half of the traces have at most 45 lines, none more than 60, and none hides a last writer", async () => {
  const command = [join(ROOT, "checker/cli/thpcheck.js"), "policies", "--traces", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: ROOT, maxBuffer: 1 << 26 });
  const traces = JSON.parse(stdout) as JudgedTrace[];
  expect(traces.length).toBeGreaterThan(15);
  for (const width of ["lines", "narrow"] as const) {
    expect(traces.filter((t) => t[width] > LINES_MAX).map((t) => `${t.name}: ${t[width]}`)).toEqual([]);
    expect(median(traces.map((t) => t[width]))).toBeLessThanOrEqual(LINES_WANTED);
  }
  expect(traces.filter((t) => t.isUntold).map((t) => t.name)).toEqual([]);
  expect(traces.flatMap((t) => t.hidden.map((h) => `${t.name}: step ${h.step} wrote ${h.word}`))).toEqual([]);
  expect(traces.filter((t) => t.lastWriters.length > 0).length).toBeGreaterThan(12);
});
