import { describe, expect, it } from "vitest";
import { CallPaths, divided } from "../../../checker/report/call-paths.ts";
import type { StoryStep } from "../../../checker/result.ts";

/** `thread:3 > store:7 > fault:9`: a step in these routines, at these lines. */
function step(stack: string, call: string | null = null): StoryStep {
  const frames = stack.split(" > ").map((f) => ({ routine: f.split(":")[0]!, file: "f.ts", line: Number(f.split(":")[1]) }));
  return { stack: frames, call, writes: [], locks: [], held: [], partners: [], stale: [], fresh: [] };
}
const first = [
  "t:1 > store:5 > walk:7", "t:1 > store:6 > fault:8 > lock:2", "t:1 > store:6 > fault:9 > map:3", "t:1 > store:6 > fault:9 > map:4",
];
const stretch = [...first.map((s) => step(s, "store(0)")), step("t:2 > zap:5", "zap(1, 2)")];
const sizes = (depth: number): number[] => divided(stretch, depth).map((part) => part.length);

describe("a stretch", () => {
  it("is divided into the calls of the thread, then by the outermost calls that differ", () => {
    expect(sizes(0)).toEqual([5]);
    expect(sizes(1)).toEqual([4, 1]);
    expect(sizes(2)).toEqual([1, 3, 1]);
    expect(sizes(3)).toEqual([1, 1, 2, 1]);
    expect(sizes(9)).toEqual([1, 1, 2, 1]);
  });
  it("keeps its steps, in their order, at every depth", () => {
    for (let depth = 0; depth < 6; depth++) expect(divided(stretch, depth).flat()).toEqual(stretch);
  });
});

describe("a path", () => {
  it("names a call in full when it comes up, then what is the same of all steps, then what is not", () => {
    const paths = new CallPaths();
    expect(paths.path("t", stretch.slice(0, 4))).toBe("store(0) > walk, fault");
    expect(paths.path("t", stretch.slice(1, 4))).toBe("fault > lock, map");
    expect(paths.path("t", stretch.slice(4))).toBe("zap(1, 2)");
    expect(paths.path("other", stretch.slice(2, 4))).toBe("store(0) > fault > map");
  });
  it("of several calls names them", () => {
    expect(new CallPaths().path("t", stretch)).toBe("store(0), zap(1, 2)");
    const paths = new CallPaths();
    paths.newCall("t", stretch[0]!);
    expect(paths.path("t", stretch)).toBe("..., zap(1, 2)");
    // A step of the thread's own, then a call.
    expect(new CallPaths().path("t", [step("t:1"), stretch[4]!])).toBe("t, zap(1, 2)");
  });
  it("shortens what is long, and names the routine where the source is not known", () => {
    expect(new CallPaths().path("t", [step("t:1 > a:1 > b:1 > c:1 > d:1 > e:1")])).toBe("a > ... > d > e");
    expect(new CallPaths().path("t", [step("t:1")])).toBe("t");
  });
});
