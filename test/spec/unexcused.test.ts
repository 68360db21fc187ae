/** The count of states in which an invariant is held to its word. */
import type { Scenario } from "thpcheck";
import { describe, expect, it } from "vitest";
import models from "../../spec/models.ts";
import collapse from "../scenarios/collapse-fault.ts";
import { countUnexcused, isHeldToInvariants } from "./unexcused.ts";

const scenarios = [collapse].flat() as unknown as readonly Scenario[];

describe("states in which an invariant is evaluated unexcused", () => {
  it("are all for one that is never excused, and fewer for one that a lock excuses", async () => {
    const { states, unexcused } = await countUnexcused(scenarios[0]!, 1000);
    expect(states).toBeGreaterThanOrEqual(1000);
    expect(unexcused.get("P6b")).toBe(states);
    expect(unexcused.get("P6")).toBeGreaterThan(0);
    expect(unexcused.get("P6")).toBeLessThan(states);
    // mmap_lock excuses it as well.
    expect(unexcused.get("T8")).toBeLessThan(unexcused.get("P6")!);
  });

  it("are counted in scenarios that are held to the invariants", () => {
    expect(scenarios.every(isHeldToInvariants)).toBe(true);
    expect(models.some(isHeldToInvariants)).toBe(false);
  });
});
