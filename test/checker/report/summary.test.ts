import picocolors from "picocolors";
import { describe, expect, it } from "vitest";
import { bytes, duration, group, odds, short } from "../../../checker/numbers.ts";
import { ProgressLine } from "../../../checker/report/progress.ts";
import { resultLine, summaryTable, tally } from "../../../checker/report/summary.ts";
import type { ScenarioResult } from "../../../checker/result.ts";

const paint = picocolors.createColors(false);
const result = (over: Partial<ScenarioResult>): ScenarioResult => ({
  scenario: "toy", verdict: "holds", expected: "holds", asExpected: true, reason: null,
  states: 1234, transitions: 5678, depth: 9, terminals: 1, levels: [], seconds: 0.5, statesPerSecond: 2468, bytesPerState: 8, tableBytes: 0,
  expectedCollisions: 4e-12, fingerprintBits: 64, exact: false, workers: 1, walks: null, reductions: [], strategy: "bfs", seed: 0,
  engine: "js",
  witnesses: [], invariants: [], notChecked: [], violation: null, alsoViolated: [], further: [], notes: [], warnings: [],
  refinement: null, ...over,
});
const violation = { property: "I1", kind: "always" as const, message: "m", trace: null, length: 1, minimised: true };

describe("a result as a line", () => {
  it.each([
    [{}, "ok   toy holds: 1,234 states, 5,678 transitions, depth 9, 0.50 s, 2.47k states/s"],
    [{ verdict: "violated" as const, violation, asExpected: false, reason: "m" }, 'FAIL toy violates "I1" in 1 step: 1,234 states, 5,678 transitions, depth 9, 0.50 s, 2.47k states/s\n     expected: holds; m'],
    [{ verdict: "violated" as const, violation: { ...violation, kind: "sometimes" as const }, asExpected: false, reason: "m" }, 'FAIL toy never shows "I1": '],
    [
      { verdict: "violated" as const, violation: { ...violation, kind: "finally" as const }, asExpected: false, reason: "m" },
      'FAIL toy reaches no end at which "I1" could be asked: ',
    ],
    [
      {
        verdict: "violated" as const, violation, asExpected: false, reason: "m",
        alsoViolated: [{ kind: "always" as const, name: "I2" }, { kind: "recurring" as const, name: "an end stays reachable" }],
      },
      'FAIL toy violates "I1" in 1 step: 1,234 states, 5,678 transitions, depth 9, 0.50 s, 2.47k states/s\n     expected: holds; m\n'
        + '     broken: always "I2" too\n     broken: an end stays reachable too',
    ],
    [{ verdict: "incomplete" as const, asExpected: false, reason: "time", notChecked: ["The search is incomplete: time.", "Liveness."] }, "part toy incomplete: "],
    [{ verdict: "error" as const, asExpected: false, reason: "it broke" }, "FAIL toy: it broke"],
  ])("%#", (over, text) => {
    expect(resultLine(result(over), paint).startsWith(text), resultLine(result(over), paint)).toBe(true);
  });

  it("says what was not checked, once", () => {
    const text = resultLine(result({ verdict: "incomplete", asExpected: false, reason: "time", notChecked: ["The search is incomplete: time.", "Liveness."] }), paint);
    expect(text.split("\n").slice(1)).toEqual(["     stopped: time", "     note: Liveness."]);
  });
});

describe("the summary", () => {
  const results = [result({}), result({ scenario: "another", verdict: "violated", violation, asExpected: false, exact: true }), result({ scenario: "third", verdict: "incomplete", asExpected: false })];
  it("is a table with aligned columns", () => {
    expect(`\n${summaryTable(results, paint)}\n`).toBe(`
scenario  verdict                  states  transitions  depth  seconds  states/s  lost to collisions  as expected
toy       holds                     1,234        5,678      9     0.50     2.47k               4e-12  yes
another   violates "I1" in 1 step   1,234        5,678      9     0.50     2.47k                none  NO
third     incomplete                1,234        5,678      9     0.50     2.47k               4e-12  incomplete
`);
  });
  it("counts what happened", () => {
    expect(tally(results, ["x", "y"])).toBe("3 scenarios: 1 as expected, 1 not as expected, 1 incomplete, 2 not run; 3,702 states in 1.50 s");
  });
});

describe("numbers", () => {
  it.each([[group(0), "0"], [group(999), "999"], [group(1344692), "1,344,692"], [short(999), "999"], [short(1000), "1.00k"], [short(2_170_000), "2.17M"], [short(999_600), "1.00M"],
    [duration(0.044), "0.04 s"], [duration(12.34), "12.3 s"], [duration(245), "4 min 05 s"], [bytes(512), "512 B"], [bytes(2 ** 29), "512 MiB"], [odds(0, true), "none"], [odds(0, false), "0"], [odds(2019.4, false), "2,019"]])("%s", (got, wanted) => {
    expect(got).toBe(wanted);
  });
});

describe("progress", () => {
  const p = { states: 12_345, transitions: 1, depth: 3, frontier: 40, seconds: 1, statesPerSecond: 12_345, memoryBytes: 2 ** 29 };
  const written = (isTTY: boolean, at: readonly number[], pinned: number | null = null): string[] => {
    const lines: string[] = [];
    let now = 0;
    const line = new ProgressLine({ isTTY, columns: 200, write: (text: string) => lines.push(text) }, () => now);
    line.start("[1/2] toy", pinned);
    for (const t of at) {
      now = t;
      line.update(p);
    }
    line.clear();
    return lines;
  };
  it("rewrites one line on a terminal, at most ten times a second, and takes it away", () => {
    const lines = written(true, [1, 50, 101, 150]);
    expect(lines).toHaveLength(4);
    expect(lines[1]).toBe("\r\u001b[K[1/2] toy: 12,345 states, 12.3k states/s, depth 3, frontier 40, 1.00 s, 512 MiB");
    expect(lines.at(-1)).toBe("\r\u001b[K");
  });
  it("writes a plain line every ten seconds elsewhere", () => {
    const line = "[1/2] toy: 12,345 states, 12.3k states/s, depth 3, frontier 40, 1.00 s, 512 MiB\n";
    expect(written(false, [1000, 9999, 10_000, 19_000, 20_000])).toEqual([line, line]);
  });
  it("says how much of the pinned count there is, and nothing of it where there are more", () => {
    const of = (pinned: number): string => written(false, [10_000], pinned)[0]!;
    expect(of(16_600)).toContain("toy: 12,345 of 16,600 states (74%), 12.3k");
    expect(of(12_345)).toContain("12,345 of 12,345 states (100%)");
    expect(of(12_346)).toContain("(99%)");
    expect(of(12_344)).toContain("toy: 12,345 states, 12.3k");
  });
});
