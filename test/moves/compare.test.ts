import { describe, expect, it } from "vitest";
import { differences, renamed } from "./compare.ts";

describe("two results", () => {
  it("are equal apart from what measures the machine", () => {
    expect(
      differences({ results: [{ scenario: "a", states: 3, seconds: 1 }] }, { results: [{ scenario: "a", states: 3, seconds: 2 }] }),
    ).toEqual([]);
  });
  it("differ by name, wherever they stand", () => {
    const before = {
      results: [
        { scenario: "a", states: 3 },
        { scenario: "b", states: 4 },
      ],
    };
    const after = {
      results: [
        { scenario: "b", states: 5 },
        { scenario: "c", states: 3 },
      ],
    };
    expect(differences(before, after)).toEqual([
      'results / a: {"scenario":"a","states":3} before, absent after',
      "results / b / states: 4 before, 5 after",
      'results / c: absent before, {"scenario":"c","states":3} after',
    ]);
  });
  it("may lie in other folders, and name other lines", () => {
    expect(differences("read at /tmp/a/impl/x.ts:3 by b", "read at /home/b/impl/x.ts:12 by b")).toEqual([]);
    expect(differences("read at /tmp/a/impl/x.ts:3", "read at /tmp/a/impl/y.ts:3")).toHaveLength(1);
  });
  it("follow names and files that moved", () => {
    expect(
      renamed(
        { files: { "impl/a.ts": "impl/room/a.ts" }, names: { "refcount-2015": "refcount-folio" }, passages: [] },
        '{"at":"impl/a.ts:3","machine":"refcount-2015","older":"refcount-2015-x"}',
      ),
    ).toBe('{"at":"impl/room/a.ts:3","machine":"refcount-folio","older":"refcount-2015-x"}');
  });
});
