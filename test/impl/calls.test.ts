/** System calls against concurrent accesses, every interleaving. */
import { describe, expect, it } from "vitest";
import { SCENARIOS } from "./calls-threads.ts";
import { explored } from "./explored.ts";

describe("every interleaving keeps every promise", () => {
  it.each(SCENARIOS.map((s) => [s.name, s.why, s] as const))("%s: %s", async (_name, _why, s) => {
    expect((await explored(s)).finding).toBeNull();
  });
});
