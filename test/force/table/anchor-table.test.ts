/** The committed tables of anchors say what impl/ does today; and a table that does not is told. */
import { describe, expect, it } from "vitest";
import type { Anchor } from "../anchors.ts";
import { PAIRS } from "../pairs.ts";
import { forcedRecordings } from "../recording.ts";
import {
  anchorTable, anchorTables, callsOfPair, callsOfPairs, modelOf, stale, tableInWords, unlike, type AnchorTable,
} from "./anchor-table.ts";
import { functionsNamed, namesIn } from "./kernel-names.ts";

const TABLES = anchorTables();

describe.each(TABLES)("Linux $kernel: the table of anchors", (table) => {
  it("is of the steps of today", () => {
    expect(stale(table, modelOf(table.kernel))).toEqual([]);
  });
  it("has an anchor or a reason in each row, and anchors in the order of most calls", () => {
    expect(table.rows.filter((r) => (r.anchor === null) === (r.why === null))).toEqual([]);
    expect(table.rows.filter((r) => r.anchor !== null).length).toBeGreaterThan(20);
    // A load or store that takes no fault when it is alone comes by nothing.
    expect(table.calls.filter((c) => c.order.length > 0).length).toBeGreaterThan(table.calls.length / 2);
  });
});
it("each kernel whose pairs are recorded has a table", () => {
  expect(TABLES.map((t) => t.kernel)).toEqual(forcedRecordings().map((r) => r.kernel));
});

// ---- what a table is made of, and what is told of one that is not right ------------------------------------------------

const anchor = (symbol: string, nth = 1): Anchor => ({ point: { kind: "entry", symbol, nth }, place: "p", value: "none" });
const MODEL = new Map([
  ["x@small", ["entry collapseHugePage", "entry mmapWriteLock", "entry collapseHugePage", "entry doWpPage", "entry nobodys", "write pmd"]],
]);
const SYMBOLS = { functions: () => ["collapse_huge_page", "do_wp_page.isra.0", "mmap_write_lock_killable", "mmap_write_lock"] };
const SHOWN = new Map([["x@small", [anchor("collapse_huge_page"), anchor("collapse_huge_page", 2)]]]);
const table = anchorTable("1.2.3", SYMBOLS, SHOWN, MODEL);

describe("a table", () => {
  it("has the function of each routine, or why there is none", () => {
    const rows = new Map(table.rows.map(({ reached, anchor: is, why }) => [reached, is ?? why]));
    expect([...rows]).toEqual([
      ["entry collapseHugePage", "collapse_huge_page"],
      ["entry doWpPage", "no call comes to it as often, and in the same order, as in the checker"],
      ["entry mmapWriteLock", "not watched for: mmap_write_lock"],
      ["entry nobodys", "it stands for no function of Linux"],
      ["write pmd", "no call comes to it as often, and in the same order, as in the checker"],
    ]);
    const bare = anchorTable("1.2.3", { functions: () => [] }, SHOWN, MODEL);
    expect(bare.rows.find((r) => r.reached === "entry mmapWriteLock")?.why).toMatch(/^no symbol/);
  });
  it("has what both come by alone, and how often one of them does", () => {
    expect(table.calls).toEqual([{
      call: "x@small", order: ["collapse_huge_page", "collapse_huge_page"], apart: [["entry doWpPage", 1, 0], ["write pmd", 1, 0]],
    }]);
    expect(tableInWords(table).join("\n")).toContain("  x@small: collapse_huge_page, collapse_huge_page\n    not entry doWpPage: 1");
  });
  it("agrees with what it was made of", () => {
    expect([stale(table, MODEL), unlike(table, "x@small", SHOWN.get("x@small")!)]).toEqual([[], []]);
  });
});

describe("a table that is stale", () => {
  const told = (t: AnchorTable, steps: readonly string[] | null = null): string[] =>
    stale(t, steps === null ? MODEL : new Map([["x@small", steps]]));
  const steps = MODEL.get("x@small")!;
  const OTHERWISE = table.rows.map((r) => ({ ...r, linux: "mm/x.c f()" }));
  it.each<[string, string[], RegExp]>([
    ["has a row too many", told(table, steps.slice(0, -1)), /^write pmd: no call comes there any more$/m],
    ["has a row too few", told({ ...table, rows: table.rows.slice(1) }), /^entry collapseHugePage: the table has no row of it$/m],
    ["names another function", told({ ...table, rows: OTHERWISE }), /and the table mm\/x\.c f\(\)$/m],
    ["has another count", told(table, steps.slice(1)), /^x@small: the checker comes to entry collapseHugePage, and the table has/m],
    ["has another count apart", told(table, [...steps, "write pmd"]), /^x@small: 2 times to write pmd, and the table has 1$/m],
    ["lacks a call", told({ ...table, calls: [] }), /^x@small: the table has no such call$/m],
    ["has a call too many", stale(table, new Map()), /^x@small: no pair has it$/m],
  ])("%s", (_, said, why) => {
    expect(said.join("\n")).toMatch(why);
  });
  it("is told beside what a kernel shows", () => {
    const twice = [anchor("f"), anchor("collapse_huge_page"), anchor("g"), anchor("collapse_huge_page", 2)];
    expect(unlike(table, "x@small", twice)).toEqual([]);
    expect(unlike(table, "x@small", twice.slice(0, 2))).toEqual(
      ["x@small: anchor 2 is its end, and collapse_huge_page in the table of anchors"]);
    expect(unlike(table, "y@small", twice)).toEqual(["y@small: the table of anchors has no such call"]);
  });
});

describe("names", () => {
  it("of calls are those of pairs and their memory, each once", () => {
    expect(callsOfPair(PAIRS.find((p) => p.name === "collapse+dontneed-page@small")!)).toEqual(["collapse@small", "dontneed-page@small"]);
    const [calls, all] = [callsOfPairs(), new Set(PAIRS.flatMap(callsOfPair))];
    expect([...calls.keys()].sort()).toEqual([...all].sort());
  });
  it("of functions are read from impl/FUNCTIONS.md", () => {
    const names = namesIn("- `f(k: Kernel): void`: mm/a.c g(), h()\n- `m(): void`: model: a thing\n- `x(): void`\n");
    expect([...names]).toEqual([["f", "mm/a.c g(), h()"]]);
    expect(functionsNamed(names.get("f")!)).toEqual(["g", "h"]);
    expect(() => namesIn("nothing")).toThrow(RangeError);
  });
});
