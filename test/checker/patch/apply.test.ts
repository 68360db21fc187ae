/** Hunks in their places: equal to the library's where that says anything, and what it does not say: where, and why not. */
import { applyPatch, structuredPatch } from "diff";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyHunks, type Applied } from "../../../checker/patch/apply.ts";
import { readPatchText } from "../../../checker/patch/read.ts";

const hunksOf = (body: string) => readPatchText({ name: "p", text: `--- a/f.ts\n+++ b/f.ts\n${body}` })[0]!.hunks;
const apply = (text: string, body: string): Applied => applyHunks(text, hunksOf(body));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
const TEN = `${numbers(1, 10).join("\n")}\n`;
const DROP_FIVE = "@@ -4,3 +4,2 @@\n 4\n-5\n 6\n";

describe("applyHunks", () => {
  it("says where each change lies, before and after", () => {
    expect(apply(TEN, "@@ -2,3 +2,4 @@\n 2\n-3\n+three\n+and more\n 4\n@@ -8,3 +9,2 @@\n 8\n-9\n 10\n")).toEqual({
      text: "1\n2\nthree\nand more\n4\n5\n6\n7\n8\n10\n",
      hunks: [
        { says: 2, at: 2, elsewhere: [], changes: [{ oldFrom: 3, oldCount: 1, newFrom: 3, newCount: 2 }] },
        { says: 8, at: 8, elsewhere: [], changes: [{ oldFrom: 9, oldCount: 1, newFrom: 10, newCount: 0 }] },
      ],
    });
  });

  it("finds a hunk elsewhere, and the next one by as much further", () => {
    const shifted = `new\nnew\n${TEN}`;
    const both = apply(shifted, `${DROP_FIVE}@@ -8,3 +7,2 @@\n 8\n-9\n 10\n`);
    expect(both).toMatchObject({ hunks: [{ says: 4, at: 6, elsewhere: [] }, { says: 8, at: 10, elsewhere: [] }] });
  });

  it("takes the nearest of several places, and names the others", () => {
    const thrice = `4\n5\n6\nx\nx\n4\n5\n6\nx\n4\n5\n6\n`;
    expect(apply(thrice, "@@ -5,3 +5,2 @@\n 4\n-5\n 6\n")).toMatchObject({ hunks: [{ says: 5, at: 6, elsewhere: [1, 10] }] });
    // Where it lies as it says there is nothing to doubt.
    expect(apply(thrice, "@@ -6,3 +6,2 @@\n 4\n-5\n 6\n")).toMatchObject({ hunks: [{ says: 6, at: 6, elsewhere: [] }] });
  });

  it("puts lines without context where they say, at the end and at the beginning too", () => {
    expect(apply(TEN, "@@ -10,0 +11 @@\n+11\n")).toMatchObject({ text: `${TEN}11\n` });
    expect(apply(TEN, "@@ -0,0 +1 @@\n+0\n")).toMatchObject({ text: `0\n${TEN}` });
    expect(applyHunks("", hunksOf("@@ -0,0 +1,2 @@\n+1\n+2\n"))).toMatchObject({ text: "1\n2\n" });
  });

  it("keeps the line ends of the file, and whether it ends with one", () => {
    const windows = TEN.replaceAll("\n", "\r\n");
    expect(apply(windows, DROP_FIVE)).toMatchObject({ text: windows.replace("5\r\n", "") });
    expect(apply(windows, DROP_FIVE.replaceAll(/^([ +-].*)$/gm, "$1\r"))).toMatchObject({ text: windows.replace("5\r\n", "") });
    expect(apply(TEN.trimEnd(), "@@ -10 +10 @@\n-10\n\\ No newline at end of file\n+ten\n\\ No newline at end of file\n"))
      .toMatchObject({ text: TEN.trimEnd().replace("10", "ten") });
  });

  it.each([
    ["a line that is gone", "@@ -4,3 +4,2 @@\n 4\n-five\n 6\n", 'its hunk at line 4 looks for the line "five", which is not there'],
    ["lines that are apart", "@@ -4,2 +4,1 @@\n 4\n-6\n", "the lines of its hunk at line 4 are not together there any more"],
    ["a place beyond the end", "@@ -90,2 +90,1 @@\n 4\n-6\n", "its hunk at line 90 lies beyond the end of the file, which has 10 lines"],
    ["an insertion beyond the end", "@@ -90,0 +91 @@\n+x\n", "its hunk at line 91 lies beyond the end of the file, which has 10 lines"],
    ["a wrong order", `@@ -8 +8,0 @@\n-8\n${DROP_FIVE}`, "its hunk at line 4 would come before the hunk that precedes it"],
    ["context alone that differs", "@@ -4,3 +4,2 @@\n four\n-5\n 6\n", 'its hunk at line 4 looks for the line "four", which is not there'],
  ])("refuses %s in words", (_, body, misfit) => { expect(apply(TEN, body)).toEqual({ misfit }); });

  it("makes what the library makes, of any two texts, with any context", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "", "  x"), { maxLength: 30 }).map((l) => l.map((x) => `${x}\n`).join(""));
    fc.assert(fc.property(text, text, fc.nat(4), fc.nat(3), (before, after, context, above) => {
      const { hunks } = structuredPatch("f", "f", before, after, "", "", { context });
      const made = applyHunks(before, hunks);
      expect(made).toMatchObject({ text: after });
      const changes = (made as Extract<Applied, { text: string }>).hunks.flatMap((h) => h.changes);
      const [old, now] = [before.split("\n"), after.split("\n")];
      // Outside of the changes the texts are the same, line by line.
      const kept = (lines: string[], from: "oldFrom" | "newFrom", count: "oldCount" | "newCount"): string[] =>
        lines.filter((__, i) => !changes.some((c) => i + 1 >= c[from] && i + 1 < c[from] + c[count]));
      expect(kept(old, "oldFrom", "oldCount")).toEqual(kept(now, "newFrom", "newCount"));
      // Elsewhere in a file: where there is only one place for each hunk.
      if (context === 0) return;
      const head = Array.from({ length: above }, (__, i) => `head ${i}\n`).join("");
      const there = applyPatch(head + before, { oldFileName: "f", newFileName: "f", oldHeader: "", newHeader: "", hunks });
      const here = applyHunks(head + before, hunks);
      if ("text" in here && here.hunks.every((h) => h.elsewhere.length === 0)) expect(here.text).toBe(there);
    }), { numRuns: 500 });
  });
});
