/** From a run of the checker to a schedule of a kernel: calls, turns, places to hold at; without a kernel. */
import { describe, expect, it } from "vitest";
import type { SourceFrame } from "../../../checker/system.ts";
import { stepToText } from "../../conformance/program.ts";
import type { Anchor } from "../anchors.ts";
import { outcomeInWords, type Outcome } from "../outcome.ts";
import { scheduleInWords } from "../schedule.ts";
import { callOf } from "./call.ts";
import { isTraced } from "./command.ts";
import { argumentsIn } from "./constant.ts";
import { derive, type PointOf } from "./derive.ts";
import { agreed, alone, routineOf } from "./points.ts";
import type { Turn } from "./run.ts";
import { askedRun, apartIn, realOf } from "./traced.ts";
import { entered } from "./walk.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
/** As if a kernel had every routine. */
const everywhere: PointOf = (_, r) => {
  if (r.kind === "entry") return { kind: "entry", symbol: r.routine, nth: 1 };
  return r.kind === "return" ? { kind: "return", nth: 1 } : { kind: "write", level: r.level, page: 0, nth: 1 };
};

describe("a run", () => {
  it("is made a schedule that shows the same, wherever the holds fall within the checker's steps", async () => {
    const run = await askedRun({ trace: "lazyfree-collapse", witness: "refused, and the page still waits" }, ROOT);
    const { memory, calls, alone: single } = realOf(run);
    expect(memory.map(stepToText)).toEqual(["0 mmap 0.0 1.0 rw fixed", "0 write 0.0 0.1 1", "0 write 0.1 0.511 2"]);
    expect(calls.map((of) => of.map(stepToText))).toEqual([["0 madvise 0.0 1.0 COLLAPSE"], ["0 madvise 0.0 0.1 FREE"]]);
    expect(single).toBe(false);
    const derived = derive(run, everywhere);
    expect(derived.tells).toBe(true);
    expect(outcomeInWords(derived.outcome)).toMatch(/^A EAGAIN; B 0;.*not_suitable_page_count$/);
    // The collapse empties the batches first, in the step in which it enters: behind that, the page must get into one.
    expect(scheduleInWords(derived.schedule)).toMatch(/^A:\S+ B:\S+ A:end$/);
    // Where there is nothing to hold at, there is only one call behind the other.
    expect(() => derive(run, () => null)).toThrow(/turn \d of 3, A to .*cannot be forced.*no schedule of such places shows A EAGAIN/);
  });
  it("that ends before a thread begins has the calls of that thread, too", async () => {
    const run = await askedRun({ trace: "lazyfree-collapse", witness: "collapsed" }, ROOT);
    expect(run.calls.map((of) => of.length)).toEqual([1, 1]);
    expect(derive(run, everywhere).schedule.length).toBeGreaterThan(0);
  });
  it.each([
    ["lazyfree-pin", "lazyfree", /gupFastFallback\(\) is a call of the agent only before the others/],
    ["reclaim-twice", "reclaimed", /does what no call of the agent does|no system calls|has no witness/],
  ])("%s is refused where no call of the agent does the same", async (trace, witness, why) => {
    await expect(askedRun({ trace, witness }, ROOT)).rejects.toThrow(why);
  });
  it("of three threads is made a schedule of three, each by its own letter", async () => {
    const run = await askedRun({ trace: "collapse-munmap", witness: "a collapse succeeds" }, ROOT);
    expect(realOf(run).calls.map((of) => of.map(stepToText))).toEqual([
      ["0 madvise 0.0 1.0 COLLAPSE", "0 read 0.1 0.1"], ["0 munmap 0.0 1.0"], ["0 write 0.1 0.1 3", "0 read 0.1 0.1"],
    ]);
    // The shortest run needs A alone. In this one C has stored before, and B comes while A has the lock.
    const stored: Turn = { side: 2, until: { call: 0, key: "", nth: 1, words: "between two calls" } };
    const derived = derive({ ...run, turns: [stored, ...run.turns, { side: 1, until: null }] }, everywhere);
    expect(scheduleInWords(derived.schedule)).toMatch(/^C:\S+ A:\S+ B:\S+$/);
    expect(outcomeInWords(derived.outcome)).toMatch(/^A 0, 3; B 0; C stored, signal; /);
  });
  it("names what there is where a witness is mistyped", async () => {
    const mistyped = askedRun({ trace: "lazyfree-collapse", witness: "nothing" }, ROOT);
    await expect(mistyped).rejects.toThrow(/has no witness "nothing": it has "collapsed"/);
    await expect(askedRun({ trace: "tc1.nothing" }, ROOT)).rejects.toThrow(/damaged/);
  });
});

describe("points", () => {
  it("are routines by the names of functions", () => {
    const names = [
      "__split_huge_pmd", "zap_page_range_single_batched", "hpage_collapse_scan_pmd", "move_ptes.isra.0", "collapse_huge_page",
    ];
    expect(names.map(routineOf)).toEqual(["splitHugePmd", "zapVmaRangeBatched", "collapseScanPmd", "movePtes", "collapseHugePage"]);
  });
  it("count where both come to them as often, and in the same order", async () => {
    const run = await askedRun({ trace: "lazyfree-collapse", witness: "collapsed" }, ROOT);
    const names = alone(run, 1).flatMap((r) => (r.kind === "entry" ? [r.routine] : []));
    const [first = "", second = "", third = "", ...rest] = names.filter((n, i) => names.indexOf(n) === names.lastIndexOf(n) && i < 20);
    expect(rest.length).toBeGreaterThan(0);
    const anchor = (routine: string, nth = 1): Anchor => {
      const symbol = routine.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
      return { point: { kind: "entry", symbol, nth }, place: "p", value: "none" };
    };
    const inOrder = agreed(run, [[], [anchor(first), anchor(second), anchor(third)]]);
    expect(inOrder).toMatchObject({ points: [[], [first, second, third].map((r) => `entry ${r}`)], apart: [] });
    expect(inOrder.pointOf(1, { kind: "entry", routine: first })).toMatchObject({ kind: "entry" });
    const { points, apart, pointOf } = agreed(run, [[], [anchor(second), anchor(first), anchor(third), anchor(third, 2)]]);
    expect(points).toEqual([[], [`entry ${second}`]]);
    expect(apart).toEqual([
      `B comes 1 times to entry ${third} in the checker, 2 on Linux`,
      `B comes to entry ${first} in the checker, and to entry ${second} on Linux`,
    ]);
    expect(pointOf(1, { kind: "entry", routine: third })).toBeNull();
  });
  it("are entered where a frame is new, or called from another line", () => {
    const frame = (routine: string, line: number): SourceFrame => ({ routine, line, file: "f" });
    expect(entered([], [frame("a", 1)])).toEqual(["a"]);
    expect(entered([frame("a", 1), frame("b", 2)], [frame("a", 1), frame("b", 3), frame("c", 4)])).toEqual(["c"]);
    expect(entered([frame("a", 1), frame("b", 2)], [frame("a", 5), frame("b", 2)])).toEqual(["b"]);
    expect(entered([frame("a", 1), frame("b", 2)], [frame("a", 5)])).toEqual([]);
  });
});

describe("calls", () => {
  it("have their arguments from what is written", () => {
    const locals = new Map([["vpn", 3]]);
    expect(argumentsIn("store(vpn, 1 + (vpn % 2))", locals)).toEqual([3, 2]);
    expect(argumentsIn("sysMadvise(0, 2, MADV_FREE)", locals)).toEqual([0, 2, 8]);
    expect(argumentsIn("sysMremap(0, 2, 2, MREMAP_MAYMOVE | MREMAP_FIXED, 2)", locals)).toEqual([0, 2, 2, 3, 2]);
    expect(argumentsIn("load(k.param.vpnMax.get())", locals)).toBeNull();
    expect(argumentsIn("load(other)", locals)).toBeNull();
  });
  it("mean the rest of a huge range by its last page, but for one page that is used", () => {
    const said = (routine: string, args: readonly number[], prepares = false): [string, boolean] => {
      const { call, isLast } = callOf(routine, args, 2, prepares);
      return [stepToText(call.step), isLast];
    };
    expect(said("sysMunmap", [1, 1])).toEqual(["0 munmap 0.1 0.511", false]);
    expect(said("sysMremap", [2, 2, 2, 3, 4])).toEqual(["0 mremap 1.0 1.0 1.0 fixed 2.0", false]);
    expect(said("store", [1, 3], true)).toEqual(["0 write 0.1 0.511 3", false]);
    expect(said("store", [1, 3])).toEqual(["0 write 0.1 0.1 3", true]);
    expect(() => said("sysExit", [])).toThrow("sysExit() is no call of the agent");
  });
});

describe("the command", () => {
  it("tells a trace from pairs", () => {
    const flags = { least: 64, guests: 1 };
    const given = [["collapse+*"], [], ["tc1.x.AA"], ["run.json"], [`${ROOT}package.json`]];
    expect(given.map((p) => isTraced(p, flags))).toEqual([false, false, true, true, true]);
    expect(isTraced(["s"], { ...flags, witness: "w" })).toBe(true);
  });
  it("tells the first part of an outcome that is another", () => {
    const outcome: Outcome = { returned: ["0", "0"], areas: ["area 0..2 rw"], pages: ["page 0: x"], counters: [] };
    expect(apartIn(outcome, outcome)).toBeNull();
    expect(apartIn(outcome, { ...outcome, returned: ["EAGAIN", "0"] })).toBe("at the end the checker has A 0, Linux A EAGAIN");
    expect(apartIn(outcome, { ...outcome, counters: ["c +1"] })).toBe("at the end the checker has nothing more, Linux c +1");
  });
});
