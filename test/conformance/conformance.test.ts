/** The comparison itself: on recordings of real kernels, and on made-up differences. The real thing is `thpcheck conform`. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../checker/compile/seeded.ts";
import { programs } from "./arbitraries.ts";
import { compare } from "./compare.ts";
import { agentDefines } from "./agent-build.ts";
import { alteredBy } from "./altered.ts";
import { folioLines, pieces } from "./folios.ts";
import { HostKernel, lruOf, whyNot, type Machine } from "./host.ts";
import { machineOptions } from "./guest/guest-flags.ts";
import { ImplKernel } from "./implementation.ts";
import { judge } from "./judge.ts";
import { CALLS } from "../../impl/entry/calls.ts";
import {
  contentsLine, lineToText, PAGE_EXCLUSIVE, PAGE_PRESENT, PAGE_WORDS, PAGE_ZERO, type Observations,
} from "./observation.ts";
import { DEFAULT_KNOBS, lackedBy, malformed, programFromJson, programToJson, stepToText, textToStep } from "./program.ts";
import { pack, unpack } from "./recording.ts";
import { disagreement, observations } from "./report.ts";
import { firedTooOften } from "./rules.ts";
import { OUTCOMES, Statistics } from "./statistics.ts";
import { OPERATION_NAMES, OPERATIONS, type OperationName } from "./vocabulary.ts";

const KERNEL = "6.18.0";
const impl = new ImplKernel(KERNEL);
const merged = new ImplKernel("7.3.4");
const SIXTEENS = programFromJson({ steps: [
  "0 size 64kB madvise", "0 size 2048kB never", "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.0 0.48 1", "0 folios",
  "0 madvise 0.18 0.2 DONTNEED", "0 fork 1", "1 read 0.0 0.1", "0 stats",
] });
const SMALL = programFromJson({ steps: [
  "0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 write 0.3 0.2 7", "0 fork 1", "1 write 0.4 0.1 9", "0 contents",
  "1 contents",
] });

it("each flag of a page has a bit of its own", () => {
  const bits = [PAGE_PRESENT, ...PAGE_WORDS.map(([bit]) => bit)];
  expect(bits).toEqual(bits.map((_, i) => 1 << i));
});

it("what is packed can be unpacked", () => {
  const seen = impl.run(SMALL);
  expect(pack(seen)[6]).toEqual(["r 6 0 0", "c 0 0*3 7*1 9*1 0*507", "k", "="]);
  expect(unpack(pack(seen))).toEqual(seen);
});

describe("programs", () => {
  it("the text of a program is the program", () => {
    fc.assert(
      fc.property(
        programs(true),
        (p) => { expect(programFromJson(JSON.parse(JSON.stringify(programToJson(p))) as ReturnType<typeof programToJson>)).toEqual(p); },
      ),
      seeded(200),
    );
  });
  it("random programs are well formed, as are what they shrink to", () => {
    fc.assert(fc.property(programs(true), (p) => malformed(p) === null), seeded(300));
  });
  it("the same seed gives the same programs", () => {
    const of = (seed: number): string => JSON.stringify(fc.sample(programs(true), { seed, numRuns: 5 }));
    expect(of(3)).toBe(of(3));
    expect(of(3)).not.toBe(of(4));
  });
  it.each([
    [
      "6 read 0.0 0.1", "begins with the number of a process",
    ], ["0 fry 0.0 0.1", "the call is one of"], ["0 read 0.0", "takes 2 arguments"], ["0 read 0.0 700", "is not a number of pages"],
    ["0 mprotect 0.0 1.0 rwx", "is not one of none, r, w, rw"], ["0 fork x", "is not a number"],
  ])("refuses the step %s", (text, why) => {
    expect(() => textToStep(text)).toThrow(why);
  });
  it.each([
    [
      "0 mprotect 0.0 1.0", "mprotect takes 3 arguments (addr, length, prot)",
    ], ["0 mmap 0.0 1.0 rw -", 'flags "-" is not one of fixed, noreplace'],
    ["0 getThpDisable", "the call is one of mmap, munmap"], ["0 get_thp_disable", "the call is one of mmap, munmap"],
    ["0 mmap 0.0 1.0 rw stack", 'flags "stack" is not one of fixed'],
    ["0 mmap 0.0 1.0 rw fixed stuck", 'flags "fixed stuck" is not one of fixed'], ["0 madvise 0.0 1.0 WARM", 'advice "WARM" is not one of'],
    ["0 madvise 0.0 1.0 toString", "is not one of DONTNEED"], ["0 thp_disable 1 all", 'disable "1" is not one of off, on'],
  ])("refuses the step %s, and names the argument", (text, why) => {
    expect(() => textToStep(text)).toThrow(why);
  });
  it("each operation has text that is read back, with the bounds of its arguments' types", () => {
    for (const name of OPERATION_NAMES) {
      const { args } = OPERATIONS[name];
      const least = args.map(({ type }) => (type.kind === "word" ? Object.values(type.words).at(-1)! : type.kind === "content" ? 1 : 0));
      const step = { process: 0, call: name, args: least };
      expect(textToStep(stepToText(step))).toEqual(step);
    }
  });
  it("of the outcomes that are wanted, each is in the table of calls", () => {
    const unlisted = Object.entries(OUTCOMES).flatMap(([what, outcomes]) => {
      const { call } = OPERATIONS[what.split(" ")[0] as OperationName];
      return call === null ? [] : outcomes.filter((o) => o !== "success" && !(o in CALLS[call].errnos)).map((o) => `${what}: ${o}`);
    });
    expect(unlisted).toEqual([]);
  });
  it.each([
    [["1 read 0.0 0.1"], "process 1 does not live"], [
      ["0 fork 1", "0 fork 1"], "that was not there yet",
    ], [["0 write 0.0 0.1 30"], "contents are 1..29"], [["0 mmap 7.0 2.0 rw fixed"], "8 huge ranges"],
    [["0 hold 0 0.0", "0 hold 0 0.1"], "that is free"], [["0 release 0"], "nothing is held"], [["0 hold 4 0.0"], "that is free"],
    [["0 mremap 0.0 1.0 2.0 fixed 7.0"], "8 huge ranges"], [["0 process_madvise 1 0.0 1.0 COLLAPSE"], "process 1 does not live"],
  ])("refuses the program %j", (steps, why) => {
    expect(() => programFromJson({ steps })).toThrow(why);
  });
  it("says which parts impl/ lacks for a program; random ones lack none", () => {
    const steps = ["0 size 64kB madvise", "0 mmap 0.0 1.0 rw fixed", "0 advise 0.0 1.0 HWPOISON", "0 advise 0.0 1.0 GUARD_INSTALL"];
    expect(lackedBy(programFromJson({ steps }))).toEqual(["memory failure", "guard regions"]);
    const advised = ["0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE"];
    expect(lackedBy(programFromJson({ steps: ["0 size 2048kB never", ...advised, "0 count 64kB/nr_anon"] }))).toEqual([]);
    expect(lackedBy(programFromJson({ steps: [...advised, "0 size 2048kB never"] }))).toEqual(["changes of hugepages-2048kB/enabled"]);
    expect(lackedBy(programFromJson({ steps: ["0 count Mlocked", "0 count 64kB/swpin"] }))).toEqual(["counters by name"]);
    expect(lackedBy(programFromJson({ machine: { swap: "zram:64", memory: "512,512" }, steps: [] }))).toEqual(["swap", "NUMA"]);
    fc.assert(fc.property(programs(true), (p) => lackedBy(p).length === 0), seeded(200));
  });
  it("keeps the machine that it takes, and refuses another form of one", () => {
    const json = { machine: { append: "thp_anon=64K:always" }, steps: ["0 word_at_boot 64kB", "0 count 64kB/split"] };
    expect(programToJson(programFromJson(json))).toEqual(json);
    expect(machineOptions({ append: "a=1 b=2", memory: "256,128" })).toMatchObject({ append: ["a=1", "b=2"], memory: [256, 128] });
    expect(() => programFromJson({ machine: { disk: "1" }, steps: [] } as never)).toThrow(/machine.*memory, swap, append/);
    expect(() => programFromJson({ machine: { memory: 512 }, steps: [] } as never)).toThrow('a text such as "512,512"');
    expect(() => programFromJson({ steps: ["0 count 64kB/nothing"] })).toThrow('counter "64kB/nothing" is not one of pswpin');
  });
  it("keeps only the knobs that are not as usual", () => {
    expect(programToJson({ knobs: { ...DEFAULT_KNOBS, max_ptes_none: 0 }, steps: [] })).toEqual({ max_ptes_none: 0, steps: [] });
    expect(() => programFromJson({ steps: [], defrag: 1 } as never)).toThrow("the knob defrag");
  });
});

describe("observations", () => {
  it("of a shared huge page of which the child has copied one page", () => {
    const lines = impl.run(SMALL)[4]!;
    expect(lines).toEqual([
      "r 4 1 0", `k ${Array.from({ length: 21 }, (_, i) => (i === 7 ? 1 : 0)).join(" ")}`,
      "v 0 0 512 3 1 0 0 0 512 512 512 0 0 1", "p 0 0 4 221 0 2", "p 0 4 1 221 4 1", "p 0 5 507 221 5 2",
      "v 1 0 512 3 1 0 0 0 512 512 0 0 0 1", "p 1 0 4 217 0 2", "p 1 4 1 369 512 1", "p 1 5 507 217 5 2",
    ]);
    const words = "process 0: pages 0..4: PMD-mapped, THP, anon, swapbacked, same frame as before; frames from #0, mapcount 2";
    expect(lines.map(lineToText)[3]).toBe(words);
    expect(impl.run(SMALL).slice(5).map((l) => l[1])).toEqual(["c 0 0*3 7/2 0*507", "c 0 0*3 7*1 9*1 0*507"]);
  });
  it("of both sides after each step, lines that both have once", () => {
    const mine = impl.run(SMALL);
    const real = mine.map((l, i) => (i === 2 ? ["r 2 1 0", ...l.slice(1)] : l));
    const shown = observations(SMALL, real, mine).split("\n");
    const at = shown.indexOf("step 2: 0 write 0.3 0.2 7");
    expect(shown.slice(at + 1, at + 4)).toEqual([
      "  Linux  returned 1", "  impl   returned 2",
      "  =      counters: thp_fault_alloc +1, nr_anon_transparent_hugepages +1, 2048kB/anon_fault_alloc +1, 2048kB/nr_anon +1",
    ]);
    expect(observations(SMALL, null, mine)).not.toMatch(/Linux|=/);
  });
  it("contents that follow one another are short", () => {
    expect(contentsLine(5, [0, 0, 3, 4, 5, 29, 1, 1, 1])).toBe("c 5 0*2 3/3 29/2 1*2");
  });
  it("statistics", () => {
    const s = new Statistics(false);
    s.add(SMALL, impl.run(SMALL));
    expect(s.milestones().map((m) => m.share)).toEqual([1, 1, 0, 1, 0, 0, 0, 0, 0]);
    expect(s.outcomes()).toContainEqual(["fork: success", 1]);
    expect(s.rare()).toContainEqual(["madvise COLLAPSE: EAGAIN", 0]);
    expect(s.unknown()).toEqual([]);
  });
  it("statistics know a folio that two tables map, and one that lies there in part only", () => {
    const across = (...rest: string[]): number => {
      const s = new Statistics(false);
      const program = programFromJson({ steps: [
        "0 mmap 0.0 4.0 rw fixed", "0 madvise 0.0 4.0 HUGEPAGE", "0 write 0.0 1.0 1", ...rest,
      ] });
      s.add(program, impl.run(program));
      return s.milestones().find((m) => m.name === "map a folio from two tables")!.share;
    };
    expect(across()).toBe(0);
    expect(across("0 mremap 0.0 1.0 1.0 fixed 2.0")).toBe(0);
    expect(across("0 mremap 0.0 1.0 1.0 fixed 2.256")).toBe(1);
    expect(across("0 mremap 0.0 0.256 0.256 fixed 2.256")).toBe(1);
    expect(across("0 madvise 0.256 0.256 DONTNEED", "0 mremap 0.0 0.256 0.256 fixed 2.256")).toBe(0);
  });
  it("folios that PTEs map are told from the step on that asks for them, whole ones of one order together", () => {
    const seen = impl.run(SIXTEENS);
    const told = seen.map((lines) => lines.filter((l) => l.startsWith("f ")));
    expect(told.slice(0, 5)).toEqual([[], [], [], [], []]);
    expect(told.slice(5, 9)).toEqual([
      ["f 0 0 48 4 0"], ["f 0 0 16 4 0", "f 0 16 2 4 0", "f 0 20 12 4 4", "f 0 32 16 4 0"],
      [...told[6]!, ...told[6]!.map((l) => l.replace("f 0", "f 1"))], told[7],
    ]);
    expect(lineToText(told[6]![2]!)).toBe("process 0: pages 20..32: of folios of order 4, from page 4 of the first on");
    expect(pack(seen)[9]).toContain("=");
    expect(unpack(pack(seen))).toEqual(seen);
  });
  it("a folio moved across two tables is one piece", () => {
    const page = (folio: number, offset: number) => ({ folio, order: 4, offset });
    const at = (vpn: number) => (vpn < 500 || vpn >= 520 ? null : vpn < 516 ? page(7, vpn - 500) : page(9, vpn - 508));
    expect(folioLines(2, 490, 600, at)).toEqual(["f 2 500 16 4 0", "f 2 516 4 4 8"]);
    const each = pieces(["f 0 0 32 4 0", "f 0 32 3 4 1"]).map((p) => [p.start, p.pages, p.offset]);
    expect(each).toEqual([[0, 16, 0], [16, 16, 0], [32, 3, 1]]);
  });
  it("the files of each size are told from the program's start on", () => {
    const lines = impl.run(SIXTEENS)[9]!.filter((l) => l.startsWith("s "));
    expect(lines.map((l) => l.split(" ")[1])).toEqual(["16", "32", "64", "128", "256", "512", "1024", "2048"]);
    const moved = "anon_fault_alloc +3, split_deferred +1, nr_anon +3, nr_anon_partially_mapped +1";
    expect(lineToText(lines[2]!)).toBe(`hugepages-64kB/stats: ${moved}`);
    expect(lines.filter((l) => !l.startsWith("s 64 ")).map(lineToText).every((l) => l.endsWith("none"))).toBe(true);
  });
  it("statistics know what has become of folios between a page and a huge page", () => {
    const reached = (...rest: string[]): string[] => {
      const s = new Statistics(true);
      const program = programFromJson({ steps: [
        "0 folios", "0 size 64kB madvise", "0 size 2048kB never", "0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 2.0 HUGEPAGE", ...rest,
      ] });
      s.add(program, merged.run(program));
      return s.milestones().filter((m) => m.share === 1).map((m) => m.name);
    };
    const has = "have a folio between a page and a huge page";
    expect(reached("0 write 0.0 0.32 1")).toEqual([has]);
    expect(reached("0 write 0.0 0.32 1", "0 munmap 0.16 0.16")).toEqual([has]);
    expect(reached("0 write 0.0 0.32 1", "0 munmap 0.18 0.1")).toEqual([has, "unmap a part of one"]);
    expect(reached("0 write 0.0 0.32 1", "0 fork 1", "1 write 0.3 0.1 1")).toEqual(["fork", has, "fork with one"]);
    expect(reached("0 write 0.0 0.32 1", "0 madvise 0.0 0.16 PAGEOUT")).toEqual([has, "split one"]);
    expect(reached("0 write 0.0 0.32 1", "0 mremap 0.0 0.32 0.32 fixed 1.500")).toEqual(["map a folio from two tables", has]);
    const small = ["0 madvise 0.0 1.0 NOHUGEPAGE", "0 write 0.0 0.32 1", "0 madvise 0.0 1.0 HUGEPAGE"];
    expect(reached(...small)).toEqual([]);
    expect(reached(...small, "0 khugepaged")).toEqual([has, "collapse to one by khugepaged"]);
  });
  it("the version switches follow the release", () => {
    const steps = [
      "0 mmap 0.0 3.0 rw fixed", "0 write 0.0 0.1 1", "0 write 2.0 0.1 1", "0 madvise 0.0 3.0 COLLAPSE",
      "0 madvise 0.1 0.1 COLLAPSE",
    ];
    const huge = (release: string): string[] => {
      const lines = new ImplKernel(release).run(programFromJson({ steps }))[3]!;
      return lines.filter((l) => l.startsWith("v")).map((l) => l.split(" ")[11]!);
    };
    expect([huge("6.18.0"), huge("7.1.0")]).toEqual([["512"], ["1024"]]);
    // As `uname -r` says it: before 6.13 and from it on a write to the huge zero page differs.
    const upgrade = ["0 mmap 0.0 1.0 rw fixed", "0 madvise 0.0 1.0 HUGEPAGE", "0 read 0.0 0.1", "0 write 0.0 0.1 1"];
    const afterWrite = (release: string): string => {
      const lines = new ImplKernel(release).run(programFromJson({ steps: upgrade }))[3]!;
      return lines.find((l) => l.startsWith("v"))!.split(" ")[11]!;
    };
    expect(["6.12.74+deb13-cloud-amd64", "6.18.44-fc"].map(afterWrite)).toEqual(["0", "512"]);
  });
});

describe("the agent", () => {
  const source = (name: string): string => readFileSync(new URL(`agent/${name}`, import.meta.url), "utf8");
  it("tells every operation from the others, and no other", () => {
    const cases = [...source("process.c").matchAll(/case OP_(\w+):/g)].map((m) => m[1]!.toLowerCase());
    expect(cases.sort()).toEqual([...OPERATION_NAMES].sort());
  });
  it("is compiled with the operations and sizes of programs", () => {
    const defines = agentDefines();
    expect(defines[0]).toMatch(/^-DOPERATIONS=OP_MMAP,OP_MUNMAP,.*OP_RELEASE,.*OP_RECLAIM$/);
    expect(defines[1]).toMatch(/^-DCOUNTED="pswpin",.*"64kB\/split",/);
    expect(defines[2]).toMatch(/^-DSTATS="anon_fault_alloc",.*"collapse_exceed_shared_pte"$/);
    expect(defines.slice(3)).toEqual(["-DHPAGE=512", "-DAREA_RANGES=8", "-DPROCESSES=6", "-DHOLDS=4"]);
  });
  it("has room for the arguments of every operation", () => {
    const room = Number(/ARGS = (\d+)/.exec(source("agent.h"))![1]);
    // A write is told the step from content to content, too, and the number of contents.
    for (const name of OPERATION_NAMES) expect(OPERATIONS[name].args.length + (name === "write" ? 2 : 0)).toBeLessThanOrEqual(room);
  });
});

/** The observations of impl/ with one line changed. */
function changed(step: number, from: RegExp, to: string): Observations {
  return impl.run(SMALL).map((lines, i) => (i === step ? lines.map((l) => l.replace(from, to)) : lines));
}
const judged = (...answers: Observations[]): ReturnType<typeof judge> => {
  let n = 0;
  return judge(SMALL, { run: () => Promise.resolve(answers[Math.min(n++, answers.length - 1)]!) }, impl);
};

describe("the comparison", () => {
  it.each([
    ["a return value", 2, /^r 2 2 0/, "r 2 1 0"], ["an errno", 1, /^r 1 0 0/, "r 1 -1 22"], ["an area", 0, /^v 0 0 512/, "v 0 0 511"], [
      "a mapcount", 4, /^(p 0 0 4 221 0) 2/, "$1 1",
    ], ["a flag", 3, /^p 1 0 512 93/, "p 1 0 512 125"],
    ["a frame", 4, /369 512 1/, "369 513 1"], ["contents", 6, /9\*1/, "8*1"],
  ])("finds %s", async (_what, step, from, to) => {
    const found = await judged(changed(step, from, to));
    expect(found.difference?.step).toBe(step);
    expect(disagreement("it", SMALL, found, KERNEL)).toContain(`after step ${step}`);
  });
  it("finds lines that are missing, or too many", async () => {
    const fewer = impl.run(SMALL).map((l, i) => (i === 4 ? l.slice(0, -1) : l));
    const more = impl.run(SMALL).map((l, i) => (i === 4 ? [...l, "p 1 600 1 217 9 1"] : l));
    expect((await judged(fewer)).difference).toMatchObject({ step: 4, real: null });
    expect((await judged(more)).difference).toMatchObject({ step: 4, impl: null });
  });
  it("a broken assertion of impl/ is a disagreement", async () => {
    const found = await judge(SMALL, { run: () => Promise.resolve(impl.run(SMALL)) }, { run: () => { throw new Error("vma: broken"); } });
    expect(disagreement("it", SMALL, found, KERNEL)).toContain("impl/ stops: vma: broken");
  });

  it("a counter that another process moved is measured again, and counted", async () => {
    const noise = changed(2, /^k 1 0 0/, "k 2 0 0");
    expect(await judged(noise, impl.run(SMALL))).toMatchObject({ difference: null, suppressed: { "counters of others": 1 } });
    expect((await judged(noise)).difference?.step).toBe(2);
  });
  /** One run in which Linux counted otherwise in step 2, and in which others were seen to move some counters in step 4. */
  const beside = (counts: string, moved: Readonly<Record<number, number>>): Observations => {
    const line = `n ${Array.from({ length: 21 }, (_, i) => moved[i] ?? 0).join(" ")}`;
    return changed(2, /^k 1 0 0/, counts).map((lines, i) => (i === 4 ? [...lines, line] : lines));
  };
  it("a counter that others move in every run is excused, and counted", async () => {
    const found = await judged(beside("k 2 0 0", { 0: 3 }));
    expect(found).toMatchObject({ difference: null, suppressed: { "counters of others": 1 }, steps: 35, disturbed: 5 });
  });
  it.each([
    ["that others were not seen to move", "k 2 0 0", { 2: 1, 13: 1 }], ["that only goes up, and went up less", "k 0 0 0", { 0: 3 }],
  ])("a counter %s is a disagreement", async (_what, counts, moved) => {
    const found = await judged(beside(counts, moved));
    expect(found.difference?.step).toBe(2);
    expect(disagreement("it", SMALL, found, KERNEL)).toContain(`Linux: counters: ${counts === "k 2 0 0" ? "thp_fault_alloc +2" : ""}`);
  });
  it("of what there is now, others may take away", async () => {
    const line = `n ${Array.from({ length: 21 }, (_, i) => (i === 12 ? 1 : 0)).join(" ")}`;
    const less = changed(2, /^(k(?: \d+){12}) 1/, "$1 -4").map((lines, i) => (i === 1 ? [...lines, line] : lines));
    expect(less[2]).not.toEqual(impl.run(SMALL)[2]);
    expect(await judged(less)).toMatchObject({ difference: null, suppressed: { "counters of others": 1 } });
  });
  it("what others have moved is in no recording", () => {
    const seen = beside("k 1 0 0", { 0: 3 });
    expect(unpack(pack(seen))).toEqual(impl.run(SMALL));
    expect(lineToText(seen[4]!.at(-1)!)).toBe("others have moved: thp_fault_alloc +3");
  });
  it("rules that fire too often fail the run: more rarely where nobody else is at work", () => {
    const quiet = { observations: 100_000, steps: 5000, disturbed: 50 };
    expect(firedTooOften({ "counters of others": 60, "transient references": 40 }, quiet)).toBeNull();
    const said = firedTooOften({ "counters of others": 60, "transient references": 41 }, quiet);
    expect(said).toContain("101 of 100000 observations pass; on a quiet machine");
    expect(firedTooOften({ "counters of others": 1000 }, { ...quiet, disturbed: 51 })).toBeNull();
    expect(firedTooOften({ "counters of others": 1001 }, { ...quiet, disturbed: 51 })).toContain("on a busy machine at most 1000");
    expect(firedTooOften({ "counters of others": 20 }, { observations: 100, steps: 5, disturbed: 0 })).toBeNull();
    expect(firedTooOften({ "counters of others": 21 }, { observations: 100, steps: 5, disturbed: 0 })).not.toBeNull();
  });
  it("a page that somebody held for a moment is tried again; one that stays held is a disagreement", async () => {
    const disturbed = impl.run(SMALL).map((l, i) => (i === 2 ? ["r 2 -1 11", "t 0 not_suitable_page_count 1"] : l));
    expect(await judged(disturbed, impl.run(SMALL))).toMatchObject({ difference: null, suppressed: { "transient references": 1 } });
    expect((await judged(disturbed)).difference?.step).toBe(2);
  });
  it("a page that DAMON says was accessed is tried again", async () => {
    const program = programFromJson({ steps: [
      "0 mmap 0.0 1.0 rw fixed", "0 write 0.0 1.0 1", "0 madvise 0.0 1.0 FREE", "0 madvise 0.0 1.0 HUGEPAGE", "0 khugepaged",
    ] });
    const mine = impl.run(program);
    expect(mine[4]).toContain("t 0 lack_referenced_page 1");
    const sampled = [
      ...mine.slice(0, 4),
      ["r 4 0 0", mine[4]![1]!, "t 0 succeeded 1", "t 1 succeeded 1", "v 0 0 512 3 1 0 0 0 512 512 512 0 0 1", "p 0 0 512 125 0 1"],
    ];
    const answers = [sampled, mine];
    expect(await judge(
      program, { run: () => Promise.resolve(answers.shift()!) }, impl,
    )).toMatchObject({ difference: null, suppressed: { "sampled accesses": 2 } });
  });
  it("tracepoints: as often, with the same status; none are missed where there are none to be had", () => {
    const mine: Observations = [["r 0 0 0", "t 0 pmd_none 2"]];
    expect(compare([[["r 0 0 0", "t 0 pmd_none 2"]]], mine).difference).toBeNull();
    expect(compare([[["r 0 0 0", "t 0 pmd_none 1"]]], mine).difference).toEqual({
      step: 0, real: "t 0 pmd_none 1", impl: "t 0 pmd_none 2",
    });
    expect(compare([[["r 0 0 0", "t 0 succeeded 2"]]], mine).difference).not.toBeNull();
    expect(compare([[["r 0 0 0", "x"]]], mine).difference).toBeNull();
  });
});

describe("the real side", () => {
  const able: Machine = { platform: "linux", release: "6.18.1-x", root: true, compiler: "cc", has: () => true, bytes: () => 2 << 20 };
  it.each([
    [{}, null], [{ platform: "darwin" }, "not Linux"], [
      { has: () => false }, "no transparent huge pages",
    ], [{ release: "6.17.9" }, "older than 6.18"], [{ root: false }, "takes root"],
    [
      { has: (f: string) => !f.includes("kpagecount") }, "kpagecount is not there",
    ], [{ bytes: () => 32 << 20 }, "not 2 MiB"], [{ compiler: null }, "no C compiler"],
  ])("with %o it says: %s", (machine, why) => {
    if (why === null) expect(whyNot({ ...able, ...machine })).toBeNull();
    else expect(whyNot({ ...able, ...machine })).toContain(why);
  });

  it("tells a kernel that gives a page to who reads from one that maps the zero page", () => {
    const after = (flags: number): string[][] => [["r 0 0 0"], ["r 1 1 0", `p 0 0 1 ${flags} 0 1`]];
    expect(alteredBy(after(PAGE_PRESENT | PAGE_ZERO))).toBeNull();
    expect(alteredBy(after(PAGE_PRESENT | PAGE_EXCLUSIVE))).toContain("not the zero page");
    expect(alteredBy([["r 0 0 0"], ["r 1 1 0"]])).toBeNull();
  });

  it("tells on which lists pages age: generations, the older ones, and one that has no generations", () => {
    expect(["0x0007\n", "0x0001\n", "0x0006\n", "0x0000\n", null].map((words) => lruOf(words)))
      .toEqual(["multi-gen", "multi-gen", "classic", "classic", "classic"]);
  });

  const reason = whyNot();
  it.skipIf(reason !== null)("runs a program, and leaves the knobs as they were", async () => {
    const knobs = (): string[] => [
      "enabled", "defrag", "use_zero_page", "khugepaged/scan_sleep_millisecs", "khugepaged/pages_to_scan",
      "khugepaged/max_ptes_none",
    ].map((f) => readFileSync(`/sys/kernel/mm/transparent_hugepage/${f}`, "utf8"));
    const host = await HostKernel.start();
    const during = knobs();
    const seen = await host.run(SMALL);
    await host.stop();
    expect(compare([seen], seen).difference).toBeNull();
    expect(seen.map((l) => l[0])).toEqual(impl.run(SMALL).map((l) => l[0]));
    expect(during[3]).not.toBe(knobs()[3]);
  });
});
