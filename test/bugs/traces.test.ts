/** The default trace of every bug: short enough to be read, and with every step that last wrote what the broken promise reads. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { median } from "../../checker/report/trace-lengths.ts";
import { LINES_MAX, LINES_WANTED } from "../../checker/report/slice-view.ts";
import { readBugs, ROOT } from "./bug.ts";
import { missingFrom } from "./last-writers.ts";
import type { JudgedTrace } from "./trace-table.ts";

const run = promisify(execFile);

it("the limits are those of the issue", () => {
  expect([LINES_WANTED, LINES_MAX]).toEqual([45, 60]);
});

it("thpcheck bugs --traces: half of the traces have at most 45 lines, none more than 60, and none hides a last writer", async () => {
  const command = [join(ROOT, "checker/cli/thpcheck.js"), "bugs", "--traces", "--json"];
  const { stdout } = await run(process.execPath, command, { cwd: ROOT, maxBuffer: 1 << 26 });
  const traces = JSON.parse(stdout) as JudgedTrace[];
  expect(traces.map((t) => t.name)).toEqual(readBugs().map((b) => b.id));
  for (const width of ["lines", "narrow"] as const) {
    expect(traces.filter((t) => t[width] > LINES_MAX).map((t) => `${t.name}: ${t[width]}`)).toEqual([]);
    expect(median(traces.map((t) => t[width]))).toBeLessThanOrEqual(LINES_WANTED);
  }
  expect(traces.filter((t) => t.isUntold).map((t) => t.name)).toEqual([]);
  expect(traces.flatMap((t) => t.hidden.map((h) => `${t.name}: step ${h.step} wrote ${h.word}`))).toEqual([]);
  expect(traces.flatMap((t) => t.unread.map((word) => `${t.name}: ${word}`))).toEqual([]);
  // Most promises read something that a step wrote; where none does, what happened is not what broke the promise.
  expect(traces.filter((t) => t.lastWriters.length > 0).length).toBeGreaterThan(20);
  // Lines of sources move; whoever changes more than that pastes what "npx thpcheck bugs pmd-reread-under-read-lock" prints.
  const withoutLines = (text: string): string => text.replace(/\.ts:\d+/g, ".ts");
  const shown = traces.find((t) => t.name === "pmd-reread-under-read-lock")!.text.trimEnd();
  expect(withoutLines(readFileSync(join(ROOT, "test/bugs/README.md"), "utf8"))).toContain(`\`\`\`\n${withoutLines(shown)}\n\`\`\`\n`);
  // The judge is awake: without the lines of a step, each of its last writers is missed.
  for (const t of traces) {
    for (const { step } of t.lastWriters) expect(missingFrom(withoutStep(t.text, step), t.lastWriters)).not.toEqual([]);
  }
});

function withoutStep(text: string, step: number): string {
  const lines = text.split("\n");
  const first = lines.findIndex((l) => new RegExp(`^ *${step}  `).test(l));
  const after = lines.findIndex((l, i) => i > first && (/^ {0,7}[\d~]/.test(l) || l === ""));
  return [...lines.slice(0, first), ...lines.slice(after)].join("\n");
}

describe("missingFrom", () => {
  const text = [
    "counterexample of x, 7 steps", "", "at first: b = 0", "",
    "  ~~~~ alice runs", "    1-3  f > g: takes a", "      4  store  f impl/a.ts:3",
    "           page[1].count: 0 -> 1; page[1].lock = free", "  ~~~~ bob runs", "      7  load", "           takes c; releases d", "",
    "broken: always \"x\"", "  it read: b = 1 (step 5)",
  ].join("\n");
  const missing = (word: string, step: number): number => missingFrom(text, [{ word, step }]).length;

  it("finds a word in the lines of the step that wrote it", () => {
    expect([missing("page[1].count", 4), missing("page[1].lock", 4), missing("c", 7), missing("d", 7)]).toEqual([0, 0, 0, 0]);
  });
  it("misses a step that is folded, another step's word, a part of a word, and what only the promise says", () => {
    expect([missing("a", 2), missing("c", 4), missing("count", 4), missing("page[1]", 4), missing("b", 5)]).toEqual([1, 1, 1, 1, 1]);
  });
  it("reads columns", () => {
    const columns = "      alice | bob\n   1  store |\n      x: 0 -> 1 |\n   2        | store\n            | y: 0 -> 1\n\nbroken: x\n";
    expect(missingFrom(columns, [{ word: "x", step: 1 }, { word: "y", step: 2 }])).toEqual([]);
    expect(missingFrom(columns, [{ word: "y", step: 1 }])).toHaveLength(1);
  });
});
