/** impl/ASSERTIONS.md says of each assertion who makes sure that it cannot happen, and of no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assertionsIn, rowsIn } from "./assertions.ts";
import { ROOT, sources } from "./sources.ts";

const rows = rowsIn(readFileSync(join(ROOT, "impl/ASSERTIONS.md"), "utf8"));
const inCode = new Set(assertionsIn(sources.filter((s) => s.path.startsWith("impl/") && s.path !== "impl/bug.ts")));

describe("the assertions", () => {
  it("have a row each", () => {
    expect([...inCode].filter((message) => !rows.some((r) => r.message === message))).toEqual([]);
  });
  it("are all that have one, once", () => {
    const messages = rows.map((r) => r.message);
    expect(messages.filter((message, i) => !inCode.has(message) || messages.indexOf(message) !== i)).toEqual([]);
  });
  it("have a kind, and a reason", () => {
    expect(rows.filter((r) => !["detects", "locks", "bound"].includes(r.kind) || r.why === "")).toEqual([]);
  });
  it("would be noticed, also over several lines, with values, and as constants", () => {
    const text = 'function f(k: K): void {\n  vmBugOn(k.x.get() > 0,\n    "room: one");\n' +
      '  vmBugOn(true, `room: page ${1} is ` + "two");\n  vmBugOn(true, a ? A : B);\n}\nconst A = "room: a";';
    expect(assertionsIn([{ text }, { text: 'export const B = "room: b";' }])).toEqual(["room: one", "room: page", "room: a", "room: b"]);
    expect(() => assertionsIn([{ text: "vmBugOn(x, message());" }])).toThrow("no message that is written down: vmBugOn(x, message())");
  });
});
