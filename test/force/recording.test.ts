/** What kernels have shown of forced pairs is what the checker reaches; and the comparison notices what is not. */
import { describe, expect, it } from "vitest";
import { outcomeSet } from "./model-set.ts";
import { outcomeInWords, outcomeKey, pageInWords, realOutcome } from "./outcome.ts";
import { pairNamed, PAIRS } from "./pairs.ts";
import { forcedRecordings } from "./recording.ts";
import { scaledPage, scaledWords } from "./scaled.ts";
import { NO_ENTRY } from "./threads.ts";
import { scheduleIn, scheduleInWords, type Became } from "./schedule.ts";
import { isNoOrder, schedulesOf, whyNot, type Anchors } from "./sweep.ts";
import { outcomeOf } from "./traced/derive.ts";
import { recordedRuns } from "./traced/recorded-runs.ts";
import { comparable, namedRun } from "./traced/traced.ts";
import { textToStep } from "../conformance/program.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

describe.each(forcedRecordings())("Linux $kernel, recorded", ({ kernel, pairs }) => {
  it.each(pairs)("$name: every outcome is one of the checker's", ({ name, outcomes, runs }) => {
    const { outcomes: known } = outcomeSet(kernel, pairNamed(name));
    expect(outcomes.filter((o) => !known.has(outcomeKey(o))).map(outcomeInWords)).toEqual([]);
    expect(new Set(runs.map(([, , place]) => place)).size).toBe(outcomes.length);
    expect(runs.length).toBeGreaterThan(0);
  });
});

describe("the checker's outcomes", () => {
  it("depend on the order: MADV_COLLAPSE beside a store to a hole succeeds, or finds the new page in a batch", () => {
    const { outcomes, states } = outcomeSet("7.3.4", pairNamed("collapse+store@hole"));
    const words = [...outcomes.values()].map(outcomeInWords);
    expect(words.some((w) => w.startsWith("A 0; B stored") && w.includes("PMD-mapped"))).toBe(true);
    expect(words.some((w) => w.startsWith("A EAGAIN; B stored") && w.includes("not_suitable_page_count"))).toBe(true);
    expect(states).toBeGreaterThan(500);
  });
});

describe("lines of the agent", () => {
  const pair = pairNamed("collapse+dontneed-page@small");
  const lines = [
    "a -1 11", "b 0 0", "t 0 succeeded 1", "k 0 0 1", "v 0 0 512 3 1 0 0 0 511 511 0 0 0 1", "p 0 1 511 369 0 1", "w 1 511 1",
  ];
  it("say the same as the checker", () => {
    expect(outcomeInWords(realOutcome(pair, lines))).toBe(
      "A EAGAIN; B 0; area 0..2 rw VM_HUGEPAGE eligible; " +
      "page 1: anon, exclusive, swapbacked, mapped once; mapcount 1; holds 1; " +
      "thp_collapse_alloc +1, mm_khugepaged_scan_pmd succeeded");
    expect(pageInWords(1, 2, null)).toBe("; mapcount 2; holds nothing that can be read");
  });
  it("tell what a third thread has returned", () => {
    const [a, b] = pair.calls;
    const three = { ...pair, calls: [a, b, [textToStep("0 write 0.0 0.1 2")]] } as const;
    const { returned } = realOutcome(three, [...lines, "c 1 0"]);
    expect(returned).toEqual(["EAGAIN", "0", "stored"]);
  });
  it("tell where pages that are one in the checker are not alike", () => {
    const torn = [...lines.slice(0, -2), "p 0 1 500 369 0 1", "p 0 501 11 369 500 2", "w 1 511 1"];
    expect(outcomeInWords(realOutcome(pair, torn))).toContain("page 1: some of them");
    const lost = [...lines.slice(0, -1), "w 1 510 1", "w 511 1 2"];
    expect(outcomeInWords(realOutcome(pair, lost))).toContain("holds 1 / ");
  });
});

describe("pages", () => {
  it("of which only the first few have a number of their own", () => {
    expect([0, 1, 512, 1025].map((p) => scaledPage(p, 2))).toEqual([0, 1, 2, 5]);
    expect(() => scaledPage(7, 4)).toThrow("only the first 4");
    // The rest of the range is one page.
    expect(scaledWords(textToStep("0 madvise 0.1 0.511 DONTNEED"), 4).slice(1, 3)).toEqual([1, 3]);
    expect(() => scaledWords(textToStep("0 munmap 0.1 0.6"), 4)).toThrow(RangeError);
  });
  it("all pairs can be said so, and have names of their own", () => {
    for (const p of PAIRS) {
      const steps = [...p.memory, ...p.calls.flat()].filter((s) => s.call !== "fork");
      for (const s of steps) expect(scaledWords(s, p.pages)).toHaveLength(9);
    }
    expect(new Set(PAIRS.map((p) => p.name)).size).toBe(PAIRS.length);
    expect(() => pairNamed("collapse+nothing")).toThrow("there is no pair");
  });
});

describe("a schedule is realised", () => {
  const anchor = (symbol: string) =>
    ({ point: { kind: "entry", symbol, nth: 1 }, place: `${symbol}+0x0 from x`, value: "none" }) as const;
  const anchors: Anchors = [[anchor("f"), anchor("g")], [anchor("h")]];
  const held = (place: string, value = "none"): Became => ({ what: "held", place, value });
  const schedule = scheduleIn("A:f B:h A:end B:end");
  const ended: Became = { what: "ended" };
  it.each<[string, readonly Became[], RegExp | null]>([
    ["where every hold is as alone", [held("f+0x0 from x"), held("h+0x0 from x"), ended, ended], null],
    ["where a thread waits instead", [held("f+0x0 from x"), { what: "blocked", place: "lock" }, ended, ended], null],
    ["the entry of the second may be another", [held("f+0x0 from x"), held("h+0x0 from x", "huge"), ended, ended], null],
    ["not that of the first", [held("f+0x0 from x", "huge"), held("h+0x0 from x"), ended, ended], /is huge, and alone it was none/],
    ["nor where it comes from elsewhere", [held("f+0x0 from y"), held("h+0x0 from x"), ended, ended], /A:f: held at f\+0x0 from y/],
    ["nor where it has ended before", [held("f+0x0 from x"), ended, ended, ended], /B:h: it has ended before/],
    ["nor where it is lost", [held("f+0x0 from x"), held("h+0x0 from x"), { what: "lost", why: "gone" }, ended], /gone/],
  ])("%s", (_, became, why) => {
    const not = whyNot(schedule, became, anchors);
    if (why === null) expect(not).toBeNull();
    else expect(not).toMatch(why);
  });
  it("from any place of the same caller", () => {
    const [of, b] = [[{ ...anchor("f"), place: "f+0x0 from x+0x10" }], [anchor("h")]];
    expect(whyNot(scheduleIn("A:f B:end A:end"), [held("f+0x0 from x+0x99"), ended, ended], [of, b])).toBeNull();
    expect(whyNot(scheduleIn("A:f B:end A:end"), [held("f+0x0 from y+0x10"), ended, ended], [of, b])).toMatch(/from y/);
  });
  it("or there is no such order: the thread has ended, or its entry is gone", () => {
    const ends = whyNot(schedule, [held("f+0x0 from x"), ended, ended, ended], anchors);
    const gone = whyNot(schedule, [held("f+0x0 from x"), { what: "lost", why: NO_ENTRY }, ended, ended], anchors);
    expect([ends, gone, "an entry was written, and where is not known"].map((not) => isNoOrder(not!))).toEqual([true, true, false]);
  });
  it("all with two switches, then some with three, each once", () => {
    const all = schedulesOf(anchors, 7);
    expect(all.map((s) => s.length)).toEqual([2, 2, 3, 3, 3, 4, 4]);
    expect(schedulesOf(anchors, 1)).toHaveLength(5);
    // With four: A at f, B at h, A again at g.
    const more = schedulesOf(anchors, 100);
    expect([more.length, scheduleInWords(more.at(-1)!)]).toEqual([10, "A:f B:h A:g B:end A:end"]);
  });
});

describe("runs of the checker that kernels were asked for", () => {
  const named = recordedRuns().map((r) => [r.kernel, `${r.scenario}, ${r.witness ?? "what it breaks"}`, r] as const);
  it.each(named)("Linux %s: %s", async (_, __, { scenario, witness, verdict, why, outcome }) => {
    const run = await namedRun({ scenario, witness }, ROOT);
    const shown = outcomeOf(run);
    const [mine, linuxs] = [outcomeInWords(comparable(shown)), outcomeInWords(comparable(outcome))];
    if (verdict === "confirmed") expect(mine).toBe(linuxs);
    else expect([why, mine === linuxs]).toEqual([expect.stringMatching(/in the checker|the checker has/), false]);
  });
});
