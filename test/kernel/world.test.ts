/** The worlds that "thpcheck/kernel" builds: what they refuse, and what they bring. */
import { existsSync } from "node:fs";
import { holds } from "thpcheck";
import { expect, it } from "vitest";
import { load, thpScenario, type K, type KernelOptions } from "../../kernel/index.ts";

function* loads(k: K) {
  yield* load(k, 0);
}
const world = (options: Partial<KernelOptions>) =>
  thpScenario({ name: "loads", why: "a load", tier: "quick", threads: { loads }, options, expect: holds() });

it("are held to what users may read, whatever a scenario asks for", () => {
  expect(() => world({ userMemoryIsNotJudged: true })).toThrow("loads: userMemoryIsNotJudged is for runs that are followed");
});
it("name what there is not", () => {
  expect(() => world({ linux: "99.1" })).toThrow(/99\.1/);
  expect(() => world({ policy: "no-such" })).toThrow(/no-such/);
  expect(() => world({ grain: ["list"] as unknown as "fine" })).toThrow('grain: there is no part "list"');
});
it("bring the picture of their memory", () => {
  const { picture } = world({});
  expect(picture).toMatch(/picture[/\\]kernel\.ts$/);
  expect(existsSync(picture!)).toBe(true);
});
