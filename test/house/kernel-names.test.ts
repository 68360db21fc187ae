/**
 * `impl/` is read beside the kernel: each exported function says which function of Linux it stands for, `@kernel
 * mm/file.c function()`, or why there is none, `@model reason`.
 */
import { describe, expect, it } from "vitest";
import { exportedFunctions } from "./exported-functions.ts";
import { sourceOf, sources, type Source } from "./sources.ts";

/** Rooms that have no counterpart as a whole; their heads say what they are for. */
const MODEL_ROOMS = [/^impl\/(abstraction|config|policy|structs)\//];

const TAG = /@kernel +\S+\.[chS]\b|@model +\S+/;
const untagged = (source: Source): string[] => exportedFunctions(source).filter((f) => !TAG.test(f.doc)).map((f) => `${source.path} ${f.name}()`);

describe("each exported function of impl/", () => {
  it("names its counterpart in Linux, or says why it has none", () => {
    const impl = sources.filter((s) => s.path.startsWith("impl/") && !MODEL_ROOMS.some((r) => r.test(s.path)));
    expect(impl.flatMap(untagged)).toEqual([]);
  });

  it("would be noticed without", () => {
    const missing = (text: string): string[] => untagged(sourceOf("impl/x.ts", text));
    expect(missing("/** @kernel mm/rmap.c folio_mapped() */\nexport function a() {}\nexport const b = () => 1;")).toEqual(["impl/x.ts b()"]);
    expect(missing("/** @kernel somewhere */\nexport function* a() {}")).toEqual(["impl/x.ts a()"]);
    expect(missing("/** @model a ghost */\nexport function a() {}\nfunction c() {}\nexport const N = 1;")).toEqual([]);
  });
});
