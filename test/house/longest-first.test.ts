/** The order in which test files start. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { byLength, LONGEST } from "../longest-first.ts";
import { ROOT } from "./sources.ts";

describe("the files that start first", () => {
  it("are there, once each", () => {
    expect(LONGEST.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(new Set(LONGEST).size).toBe(LONGEST.length);
  });

  it("come before larger ones, in the order of the list", () => {
    const sizes: Readonly<Record<string, number>> = { small: 1, large: 9 };
    const sorted = ["small", LONGEST[1]!, "large", LONGEST[0]!].sort(byLength((path) => sizes[path] ?? 0));
    expect(sorted).toEqual([LONGEST[0], LONGEST[1], "large", "small"]);
  });
});
