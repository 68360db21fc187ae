import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packed } from "../../../checker/report/text-lines.ts";

describe("packed lines", () => {
  it("put as much on a line as fits", () => {
    expect(packed(["one", "two", "three"], ", ", 10)).toEqual(["one, two,", "  three"]);
    expect(packed([], ", ", 10)).toEqual([]);
    expect(packed(["a long part of words"], ", ", 12, { first: 2, indent: 4 })).toEqual(["  a long", "    part of", "    words"]);
  });

  it("count what does not fit into so many lines", () => {
    expect(packed(["one", "two", "three", "four"], ", ", 24, { max: 1, what: "value" })).toEqual(["one, and 3 values more"]);
    expect(packed(["one", "two"], ", ", 24, { max: 1 })).toEqual(["one, two"]);
  });

  it("never cut a word, lose none, and are too wide only for a word that is", () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/);
    fc.assert(fc.property(fc.array(fc.array(word, { minLength: 1, maxLength: 4 }), { maxLength: 8 }), fc.integer({ min: 4, max: 40 }), (parts, width) => {
      const lines = packed(parts.map((p) => p.join(" ")), "; ", width);
      expect(lines.join(" ").split(/[; ]+/).filter((w) => w !== "")).toEqual(parts.flat());
      for (const line of lines.slice(0, -1)) expect(line.length <= width + 1 || line.trim().split(" ").length === 1).toBe(true);
    }));
  });
});
