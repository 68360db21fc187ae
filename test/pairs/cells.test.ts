/** The table of pairs: every call has its operations, every pair comes once, and a person finds a cell by name. */
import { describe, expect, it } from "vitest";
import { CALL_NAMES, CALLS, type Arg } from "../../impl/entry/calls.ts";
import { allCells, nameOf, worldOf } from "./cells.ts";
import { EXPECTED, expectedOf, isPromise } from "./expected.ts";
import { MEMORIES, WORLDS } from "./memory.ts";
import { ACTORS, byTypes, FIRST_ACTOR, OPERATIONS, PART_OF, wordsOf } from "./operations.ts";
import { LAYOUTS } from "./memory.ts";
import { selectCells, type Selection } from "./select.ts";
import { cellNumber } from "./state.ts";
import { THIRD } from "./thirds.ts";

const NONE: Selection = { only: null, operations: [], memories: [], quick: false };
const cells = allCells();

describe("operations", () => {
  it.each(CALL_NAMES)("%s has one, or is part of another call's", (call) => {
    const own = OPERATIONS.filter((o) => o.call === call);
    expect(own.length > 0).toBe(PART_OF[call] === undefined);
  });
  it("have names of their own, the actors last, no more than a cell's number has room for", () => {
    expect(new Set(OPERATIONS.map((o) => o.name)).size).toBe(OPERATIONS.length);
    expect(OPERATIONS.slice(FIRST_ACTOR).map((o) => o.name)).toEqual([...ACTORS]);
    expect(OPERATIONS.length).toBeLessThanOrEqual(128);
    expect(OPERATIONS.every((o) => /^[a-z0-9-]+$/.test(o.name))).toBe(true);
  });
  it("have as many arguments as their call takes, at every place", () => {
    for (const o of OPERATIONS) for (const places of LAYOUTS) for (const side of [0, 1] as const) {
      expect(wordsOf(o, places, side).length).toBe(9);
      if (o.call === null) continue;
      const args: readonly Arg[] = CALLS[o.call].args;
      const given = o.args(places, side).length;
      expect(given).toBeLessThanOrEqual(args.length);
      expect(given).toBeGreaterThanOrEqual(args.filter((a) => a.optional !== true).length);
    }
  });
  it("come of themselves for a call that is new in the table", () => {
    const args: readonly Arg[] = [
      { name: "addr", type: { kind: "page" } }, { name: "length", type: { kind: "pages", from: ["addr"] } },
      { name: "how", type: { kind: "word", words: { "NOW": 1, "LATER ON": 2, "UNKNOWN": 9 } } },
      { name: "more", type: { kind: "switch" }, optional: true },
    ];
    const shapes = byTypes(args).map(([name, of]) => [name, of(LAYOUTS[0]!, 0)]);
    expect(shapes).toEqual([
      ["whole-now", [0, 2, 1]], ["whole-later-on", [0, 2, 2]], ["second-now", [1, 1, 1]], ["second-later-on", [1, 1, 2]],
    ]);
  });
});

describe("cells", () => {
  it("have names and numbers of their own", () => {
    expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
    const numbers = cells.map((c) => cellNumber(MEMORIES.indexOf(c.memory), THIRD[c.third], c.first, c.second));
    expect(new Set(numbers).size).toBe(cells.length);
    expect(Math.max(...numbers)).toBeLessThan(2 ** 20);
  });
  it.each(MEMORIES.filter((m) => m !== "child"))("on %s each pair comes once, in one order", (memory) => {
    const pairs = cells.filter((c) => c.memory === memory && c.third === "none").map((c) => [c.first, c.second] as const);
    expect(pairs.every(([first, second]) => first <= second)).toBe(true);
    // All but two khugepageds; and, without reservations, but the shrinker of those.
    const n = memory === "reserved" ? OPERATIONS.length : OPERATIONS.length - 1;
    expect(pairs.length).toBe((n * (n + 1)) / 2 - 1);
  });
  it("on child come in both orders, since the sides are not alike", () => {
    const names = new Set(cells.filter((c) => c.memory === "child").map(nameOf));
    for (const name of ["fork+munmap-whole@child", "munmap-whole+fork@child", "fork+fork@child"]) expect(names).toContain(name);
    expect([...names].some((name) => name.includes("khugepaged"))).toBe(false);
  });
  it("belong to a world that has their memory", () => {
    expect(WORLDS.flatMap((w) => w.memories).toSorted()).toEqual([...MEMORIES].toSorted());
    for (const memory of MEMORIES) expect(worldOf(memory).memories).toContain(memory);
  });
});

describe("selection", () => {
  const named = (selection: Partial<Selection>): string[] => selectCells({ ...NONE, ...selection }).map(nameOf);

  it("takes a name, a glob, an operation, a memory", () => {
    expect(named({ only: "munmap-second+fork+pin@huge" })).toEqual(["munmap-second+fork+pin@huge"]);
    expect(named({ only: "fork+fork@*" })).toEqual(MEMORIES.map((m) => `fork+fork@${m}`));
    expect(named({ operations: ["fork"], memories: ["hole"] }).length).toBe(OPERATIONS.length - 1);
    expect(named({ operations: ["mremap-*"], memories: ["hole", "zero"] }).every((name) => name.includes("mremap-"))).toBe(true);
  });
  it("has a quick one, with each call and each actor on each memory, and without a third", () => {
    const quick = selectCells({ ...NONE, quick: true });
    expect(quick.every((c) => c.third === "none")).toBe(true);
    const calls = new Set(quick.flatMap((c) => [OPERATIONS[c.first]!, OPERATIONS[c.second]!]).map((o) => o.call ?? o.name));
    expect([...calls].toSorted()).toEqual([...CALL_NAMES.filter((c) => PART_OF[c] === undefined), ...ACTORS].toSorted());
    expect(new Set(quick.map((c) => c.memory)).size).toBe(MEMORIES.length);
  });
  it.each([
    [{ only: "fork+munmap-second@huge" }, "each pair comes once: munmap-second+fork@huge"],
    [{ only: "fork@huge" }, "a cell is FIRST+SECOND@MEMORY"],
    [{ operations: ["frok"] }, 'there is no operation "frok"'],
    [{ memories: ["hug"] }, "it is one of hole, zero, small"],
    [{ operations: ["shrink-reservations"], memories: ["huge"] }, "no cell is left"],
  ] as const)("refuses %j in words", (selection, why) => {
    expect(() => named(selection)).toThrow(why);
  });
});

describe("what is expected not to hold", () => {
  it("names cells that there are, each by one row, with a reason", () => {
    for (const { cells: patterns, why } of EXPECTED) {
      expect(why.length).toBeGreaterThan(20);
      for (const only of patterns) expect(selectCells({ ...NONE, only }).every((c) => expectedOf(c) !== null)).toBe(true);
    }
  });
  it("goes by the id of a promise, or its whole name", () => {
    const row = { cells: [], promise: "T5", why: "" };
    expect(isPromise("T5 no CPU caches a small and a huge translation of one address", row)).toBe(true);
    expect(isPromise("T51 another", row)).toBe(false);
  });
});
