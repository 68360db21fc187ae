/** Which searches run in WebAssembly, by themselves and when asked. */
import { expect, test } from "vitest";
import { DEFAULT_CHECK_OPTIONS, runsInWasm, type CheckOptions } from "../../../checker/check/options.ts";
import { holds, violated, type Scenario } from "../../../checker/scenario.ts";
import lostUpdate from "../../models/lost-update.ts";

const base = [lostUpdate].flat()[0] as unknown as Scenario;
const pinned = (states: number): Scenario => ({ ...base, expect: holds({ states }) });
const asked = (s: Scenario, options: Partial<CheckOptions> = {}): boolean => runsInWasm(s, { ...DEFAULT_CHECK_OPTIONS, ...options });

test("by themselves those that pin 500,000 states or more", () => {
  expect([pinned(499_999), pinned(500_000)].map((s) => asked(s))).toEqual([false, true]);
  expect([{ ...base, expect: holds() }, { ...base, expect: violated("x") }].map((s) => asked(s))).toEqual([false, false]);
});

test.each<Partial<CheckOptions>>([
  { exact: true }, { strategy: "dfs" }, { strategy: "random" }, { coverage: true }, { coverage: ["a.ts"] },
  { engine: "js" },
])("but not with %j", (options) => expect(asked(pinned(1_000_000), options)).toBe(false));

test("whatever their size when asked for", () => expect(asked(pinned(3), { engine: "wasm" })).toBe(true));
