/**
 * The sanitizers for everybody: what the nightly tier holds to them, and what it leaves out, each with its reason. The run
 * itself is `npx thpcheck check --tier nightly`; here a few of the smallest are looked at.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_CHECK_OPTIONS, SANITIZED_STATES_MAX, clearsDeadLocals, sanitizes } from "../checker/check/options.ts";
import { selectScenarios } from "../checker/project/select.ts";
import { sanitize } from "../checker/sanitizer/pass.ts";
import { holds, isModel, type Scenario } from "../checker/scenario.ts";
import { ROOT } from "./bugs/bug.ts";

/** Scenarios of programs that the sanitizers leave out: who they are, and how many, so that none slips in unseen. */
const LEFT_OUT: readonly (readonly [what: string, names: RegExp])[] = [
  ["models whose steps are those that were published", /^(barriers|chandy-misra|peterson|refcount|simple|thp-resv)/],
  ["the patch of 2018", /@rfc-2018$/],
  ["lists that change under a lock in one step", /^(grain-lists-|lists-scan-and-free$)/],
  ["sleepers that an unlock wakes in its own step", /^(grain-flags-|mthp-flags$)/],
  ["frames that the allocator hands out in one step", /^reservation-scanner@/],
  ["a folio that reclaim unlocks as it freezes it", /^(lazyfree-pin|reclaim-freed-again)$/],
  ["a list of isolated folios in the words of the free lists",
    /^(pageout-(collapse|twice)|mthp-lazyfree-pageout|mthp-collapse-reclaim|grain-lru-(activate|munmap|split))$/],
  ["words of the sizes that are read in one step", /^mthp-collapse-(policy|sizes-stores)$/],
  ["a folio that a PMD split unlocks late, before 5.18", /^cow-reuse-pmd-split$/],
  ["two reads that are one step here", /^(khugepaged-remap|vma-joins-unused|mthp-split-to-(mremap|lazyfree))$/],
];

let all: readonly Scenario[] = [];
beforeAll(async () => {
  all = (await selectScenarios([], "nightly", ROOT)).scenarios.map((s) => s.scenario).filter((s) => !isModel(s));
});

const pinned = (s: Scenario): number | null => (s.expect.verdict === "holds" ? s.expect.states : null);

describe("what the nightly tier sanitizes", () => {
  it("is every scenario of the lower tiers that pins few states, but for those that say why not", () => {
    const small = all.filter((s) => s.tier !== "nightly" && pinned(s) !== null && pinned(s)! <= SANITIZED_STATES_MAX);
    expect(small.length).toBeGreaterThan(250);
    const left = small.filter((s) => sanitizes(s, "small") !== true);
    expect(left.filter((s) => typeof s.sanitize !== "string").map((s) => s.name)).toEqual([]);
    expect(left.filter((s) => !LEFT_OUT.some(([, names]) => names.test(s.name))).map((s) => s.name)).toEqual([]);
  });
  it("leaves out nothing that it could look at: each kind is there, and says why in words", () => {
    const left = all.filter((s) => typeof s.sanitize === "string");
    for (const [what, names] of LEFT_OUT) expect(left.some((s) => names.test(s.name)), what).toBe(true);
    for (const s of left) expect((s.sanitize as string).length, s.name).toBeGreaterThan(20);
  });
  it("finds nothing in the smallest of each kind of operation", async () => {
    const names = ["huge-split-pmd-store", "reclaim-lazyfree-redirty", "grain-slots-next", "grain-zero-write", "refused-process-madvise"];
    for (const name of names) {
      const s = all.find((one) => one.name === name);
      if (s === undefined) throw new Error(`there is no scenario ${name} any more: choose another`);
      const run = await sanitize(s, { ...DEFAULT_CHECK_OPTIONS, minimise: false }, clearsDeadLocals(s, null));
      expect([name, run.outcome.complete, run.findings]).toEqual([name, true, []]);
    }
  });
});

describe("which scenarios are sanitized", () => {
  const one = (more: Partial<Scenario>): Scenario =>
    ({ name: "s", why: "w", tier: "full", structs: {}, threads: [], expect: holds({ states: 5 }), ...more }) as unknown as Scenario;
  it.each([
    ["small", {}, true],
    ["small", { expect: holds({ states: SANITIZED_STATES_MAX }) }, true],
    ["small", { expect: holds({ states: SANITIZED_STATES_MAX + 1 }) }, false],
    ["small", { expect: holds() }, false],
    ["small", { tier: "nightly" }, false],
    ["small", { expect: holds({ states: 1_000_000 }), sanitize: true }, true],
    ["small", { sanitize: "why not" }, "why not"],
    ["asked", {}, false],
    ["asked", { sanitize: true }, true],
    ["asked", { sanitize: "why not" }, false],
    ["all", { expect: holds() }, true],
    ["all", { sanitize: false }, true],
    ["all", { sanitize: "why not" }, "why not"],
    ["none", { sanitize: true }, false],
  ] as const)("%s, of %j: %s", (how, more, is) => {
    expect(sanitizes(one(more as Partial<Scenario>), how)).toBe(is);
  });
});
