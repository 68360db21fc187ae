/** That a batch says of each cell what a search of that cell alone says, and what counts as covered and as left out. */
import { afterAll, describe, expect, it } from "vitest";
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { compileScenario } from "../../checker/compile/compile.ts";
import { NO_OBSERVER } from "./no-observer.ts";
import { Pool } from "../../checker/runner/pool/pool.ts";
import type { FieldPlan } from "../../checker/program/layout.ts";
import { explore } from "../../checker/search/explore.ts";
import { readBugs, type Bug } from "../bugs/bug.ts";
import { batchOf } from "./batch.ts";
import { choicesOf, nameOf, programOf, type Cell } from "./cells.ts";
import { commuteNaively } from "./commute-naively.ts";
import { decide, type DecideOptions } from "./decide.ts";
import { independentBy, independentIn, setsIn } from "./independent.ts";
import { OPERATIONS } from "./operations.ts";
import { PAIRS_JOB, type PairsAnswer, type PairsTask } from "./job.ts";
import { overlapOf } from "./overlap.ts";
import { overlapNaively } from "./overlap-naively.ts";
import { programNamed } from "./program-of.ts";
import { renderReport } from "./report.ts";
import { INTERRUPTED, type CellResult } from "./result.ts";
import { runPairs } from "./run.ts";
import { selectCells } from "./select.ts";

const cell = (only: string): Cell => selectCells({ only, operations: [], memories: [], quick: false })[0]!;
const OPTIONS: DecideOptions = { seed: 0, maxStates: null, patch: null, view: null };
const SEARCH = { ...DEFAULT_CHECK_OPTIONS, workers: 1 };

const SOME = [
  "munmap-whole+fork@huge", "madvise-free-whole+store-first@huge", "munmap-second+split-folio@partly", "load-first+khugepaged@zero",
  "madvise-collapse+get-user-page-fast-pin@small", "get-thp-disable+store-first@hole",
];

describe("a batch", () => {
  it("counts of each cell the states that a depth-first search of that cell alone finds", async () => {
    const cells = SOME.map(cell);
    const { system } = await programNamed("pairs-own", null);
    const together = batchOf(system, cells);
    const { measures, complete, finding } = await explore(together.system, null, SEARCH);
    expect([complete, finding]).toEqual([true, null]);
    expect(together.counts.reduce((sum, c) => sum + c.states, 0)).toBe(measures.states);
    expect(together.counts.reduce((sum, c) => sum + c.ends, 0)).toBe(measures.terminals);
    for (const [i, one] of cells.entries()) {
      const alone = await explore(batchOf(system, [one]).system, null, { ...SEARCH, strategy: "dfs" });
      expect([nameOf(one), together.counts[i]]).toEqual([nameOf(one), { states: alone.measures.states, ends: alone.measures.terminals }]);
    }
  });

  it("names each cell that breaks a promise, with the trace that it has alone, and still decides the others", async () => {
    const names = [
      "munmap-whole+store-first+translation@huge", "mremap-whole+reclaim-lazyfree+translation@lazyfree",
      "mremap-dontunmap+reclaim-lazyfree+translation@lazyfree", "load-first+load-second+translation@huge",
    ];
    const cells = names.map(cell);
    const results = await elsewhere(cells);
    expect(results.map((r) => [r.cell, r.violation?.property ?? r.verdict])).toEqual([
      [names[0], "holds"], [names[1], "P8 no page is both free and mapped"],
      [names[2], "P8 no page is both free and mapped"], [names[3], "holds"],
    ]);
    for (const [i, one] of cells.entries()) {
      const [alone] = await elsewhere([one]);
      expect({ ...results[i]!, states: 0 }).toEqual({ ...alone!, states: 0 });
    }
  });

  it("has room for the third's pin beside one that a side takes", async () => {
    const one = cell("get-user-page-fast-pin+get-user-page-slow-pin-write+pin@small");
    const [result] = await decide(await programNamed("pairs-own-and-third", null), [one], OPTIONS);
    expect(result).toMatchObject({ verdict: "holds", asExpected: true });
  });

  it("says that a cell which is cut short is incomplete, never that it holds", async () => {
    const [result] = await decide(await programNamed("pairs-own", null), [cell("munmap-whole+fork@huge")], { ...OPTIONS, maxStates: 100 });
    expect([result!.verdict, result!.asExpected, result!.overlap]).toEqual(["incomplete", false, null]);
  });
});

/** mremap() drops the lock before it flushes. */
const [{ patch: FLUSH_LATE }] = readBugs(["mremap-flush-after-unlock"]) as [Bug];

/** Patches are applied by the loader of Node, which tests do not use. */
const pool = new Pool(1);
afterAll(() => { pool.close(); });
async function elsewhere(cells: readonly Cell[]): Promise<readonly CellResult[]> {
  const task: PairsTask = { kind: "decide", program: programOf(cells[0]!), cells, options: { ...OPTIONS, patch: FLUSH_LATE } };
  const answer = await pool.run<PairsAnswer>({ module: PAIRS_JOB, task });
  return "results" in answer ? answer.results : [];
}

describe("covered", () => {
  it.each([
    ["munmap-whole+store-first@huge", "covered"], ["get-thp-disable+get-thp-disable@huge", "in turn"],
    ["sysfs-enabled-never+lru-add-drain-all@small", "in turn"], ["mremap-whole+mremap-whole@huge", "either"],
    ["reclaim-lazyfree+dump-page-tables@hole", "first never"], ["get-thp-disable+shrink-huge-zero@small", "second never"],
    ["reclaim-lazyfree+shrink-split-queue@hole", "neither"], ["munmap-second+mprotect-r-second@small", "covered"],
  ] as const)("%s: %s", async (name, what) => {
    const program = await programNamed(programOf(cell(name)), null);
    expect(overlapOf(program.system, cell(name))).toBe(what);
    expect(overlapNaively(program, cell(name))).toBe(what);
  });
});

describe("left out", () => {
  it("are sides that hold together all the same, and none of two that meet", async () => {
    const program = await programNamed("pairs-own", null);
    const pairs = independentIn(program.scenario).map(([a, b]) => [OPERATIONS[a]!.name, OPERATIONS[b]!.name] as const);
    const names = new Set(pairs.map(([a, b]) => `${a}+${b}`));
    expect(names).toContain("get-thp-disable+dump-page-tables");
    for (const both of ["munmap-whole+store-first", "fork+fork", "sysfs-enabled-never+khugepaged", "thp-disable-all+get-thp-disable"]) {
      expect(names).not.toContain(both);
    }
    const some = [...names].filter((_, i) => i % 9 === 0).map((both) => cell(`${both}@huge`));
    expect((await decide(program, some, OPTIONS)).map((r) => r.verdict)).toEqual(some.map(() => "holds"));
  });

  it.each(["hole", "huge", "lazyfree"] as const)("on %s make no difference by their order, in any state of a sample", async (memory) => {
    const program = await programNamed("pairs-own", null);
    const pairs = independentIn(program.scenario).map(([a, b]) => `${OPERATIONS[a]!.name}+${OPERATIONS[b]!.name}@${memory}`);
    const some = pairs.filter((name, i) => i % 11 === 0 && !name.includes("shrink-reservations")).map(cell);
    const found = some.map((c) => ({ name: nameOf(c), ...commuteNaively(program, c) }));
    expect(found.filter((f) => f.differ > 0)).toEqual([]);
    expect(found.filter((f) => f.both > 0).length).toBeGreaterThan(found.length / 2);
  });

  it("would be told from those that are left out by mistake: a word is missing in a set, or the rule forgets who reads it", async () => {
    const program = await programNamed("pairs-own", null);
    const { of, promises } = setsIn(program.scenario);
    const names = (pairs: readonly (readonly [number, number])[]) => pairs.map(([a, b]) => `${OPERATIONS[a]!.name}+${OPERATIONS[b]!.name}`);
    const right = new Set(names(independentBy({ of, promises })));
    const without = (set: ReadonlySet<string>, word: RegExp): Set<string> => new Set([...set].filter((path) => !word.test(path)));
    // GUP no longer reads the knob by which its fault maps a huge page.
    const getUserPage = { reads: without(of["getUserPage"]!.reads, /^knob\./), changes: of["getUserPage"]!.changes };
    // Nobody's reads count: only two who change one field meet.
    const blind = Object.fromEntries(Object.entries(of).map(([call, { changes }]) => [call, { reads: new Set<string>(), changes }]));
    const word = "sysfs-enabled-never+get-user-page-slow-pin-write";
    for (const mistaken of [{ of: { ...of, getUserPage }, promises }, { of: blind as typeof of, promises }]) {
      const wrong = names(independentBy(mistaken)).filter((name) => !right.has(name));
      expect(wrong).toContain(word);
      expect(commuteNaively(program, cell(`${word}@hole`)).differ).toBeGreaterThan(0);
    }
  });

  it("go by sets that have every access of a run", async () => {
    const { scenario } = await programNamed("pairs-own", null);
    const { of } = setsIn(scenario);
    const seen = new Map<string, Set<string>>();
    const step = new Set<string>();
    const plan: { fields: readonly FieldPlan[] } = { fields: [] };
    const access = (field: number): void => {
      const f = plan.fields[field]!;
      if (f.role !== "statistic" && (f.bits > 0 || f.lockBase >= 0) && !/^(pair|told|gate)\./.test(f.path)) step.add(f.path);
    };
    const observer = { ...NO_OBSERVER, access };
    const { system, image } = compileScenario(scenario, { variant: "instrumented", sourceMap: false, observer });
    plan.fields = image.plan.fields;
    for (const [second, { call, name }] of OPERATIONS.entries()) {
      const own = call ?? name;
      const set = of[own];
      if (set === undefined) continue;
      const accessed = seen.get(own) ?? new Set();
      seen.set(own, accessed);
      for (const memory of ["hole", "small", "huge", "partly", "lazyfree", "huge-zero"] as const) {
        const first = OPERATIONS.findIndex((o) => o.name === "get-thp-disable");
        system.setBranch(choicesOf({ memory, third: "none", first: Math.min(first, second), second: Math.max(first, second) }));
        system.init();
        system.setBranch([]);
        // The side of the operation runs last, and alone.
        const actor = second < first ? 0 : 1;
        let begun = false;
        const go = (who: number): boolean => {
          step.clear();
          const moved = system.step(who) !== 0;
          begun ||= who === actor && system.statistics().some((s) => s.name === "told.begun" && s.value !== "0");
          if (who === actor && begun) for (const path of step) accessed.add(path);
          return moved;
        };
        while (go(0) || go(1));
      }
      expect([own, [...accessed].filter((path) => !set.reads.has(path) && !set.changes.has(path))]).toEqual([own, []]);
      if (own !== "shrink-reservations") expect(accessed.size, own).toBeGreaterThan(0);
    }
  });
});

describe("a run", () => {
  it("gives the same from one process and from two, in one search and in many", async () => {
    const cells = selectCells({ only: null, operations: ["exit"], memories: ["hole"], quick: true });
    const run = (workers: number, batch: number) => runPairs(cells, { ...OPTIONS, workers, batch, onProgress: () => {} });
    expect(await run(2, 20)).toEqual(await run(1, 1000));
  });

  it("that is interrupted tells what it knows, and how many cells nobody has looked at", async () => {
    const cells = selectCells({ only: null, operations: ["exit"], memories: ["hole"], quick: true });
    let done = 0;
    const results = await runPairs(cells, {
      ...OPTIONS, workers: 1, batch: 10, onProgress: (n) => { done = n; }, shouldStop: () => done > 0,
    });
    const rest = results.filter((r) => r.reason === INTERRUPTED);
    expect(rest.length).toBeGreaterThan(0);
    expect(rest.every((r) => r.verdict === "incomplete" && !r.asExpected)).toBe(true);
    expect(results.length - rest.length).toBe(done);
    expect(renderReport(results, 1, false)).toMatch(new RegExp(`${done} hold.*\ninterrupted: ${rest.length} cells more`, "s"));
  });
});
