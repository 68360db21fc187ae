import { describe, expect, test } from "vitest";
import { compileScenario } from "../../../../checker/compile/compile.ts";
import { PctScheduler } from "../../../../checker/search/strategy/pct.ts";
import { randomSource } from "../../../../checker/search/strategy/random-source.ts";
import { narrowWindow } from "../parallel/narrow-window.ts";
import { run, type Explored } from "../options.ts";

describe("PCT", () => {
  const search = async (strategy: "random" | "pct", walks: number): Promise<Explored> => {
    const { system, source } = compileScenario(narrowWindow, { clearDeadLocals: true });
    return run(system, { strategy, walks, minimise: false, seed: 7, pctDepth: 2 }, source);
  };

  test("finds in a few walks what even odds do not find in many", async () => {
    const pct = await search("pct", 200);
    expect(pct.finding?.name).toBe("the window is too short");
    expect(pct.walks).toBeLessThan(100);
    expect((await search("random", 500)).finding).toBeNull();
  });

  test("the same seed gives the same walks", async () => {
    const [one, two] = [await search("pct", 200), await search("pct", 200)];
    expect(one.finding).toEqual(two.finding);
    expect(one.walks).toBe(two.walks);
  });

  test("a run without a finding says what it is worth, and is never complete", async () => {
    const { system, source } = compileScenario({ ...narrowWindow, always: {} }, { clearDeadLocals: true });
    const { complete, stopReason } = await run(system, { strategy: "pct", walks: 20, pctDepth: 2 }, source);
    expect(complete).toBe(false);
    expect(stopReason).toMatch(/^20 PCT walks .* a bug of depth 2 has at least one chance in \d+ \(2 actors, \d+ steps\) to be found by each$/);
  });
});

describe("the scheduler", () => {
  test("keeps its order between change points, of which there are depth - 1 within the longest walk", () => {
    const s = new PctScheduler(3, 3);
    for (let walk = 0; walk < 50; walk++) {
      s.begin(randomSource(1, walk));
      let changes = 0;
      for (let step = 0; step < 40; step++) {
        const before = [...s.order()];
        s.stepped(before[0]!, false);
        if (s.order()[0] !== before[0]) {
          changes++;
          expect([...s.order()]).toEqual([...before.slice(1), before[0]]);
        }
      }
      // Two change points may fall on the same step.
      if (walk === 0) expect(changes).toBe(0);
      else expect([1, 2]).toContain(changes);
    }
  });

  test("whoever runs into a state again falls below the others", () => {
    const s = new PctScheduler(3, 1);
    s.begin(randomSource(1, 1));
    const [first, second, third] = [...s.order()];
    s.stepped(first!, true);
    expect([...s.order()]).toEqual([second, third, first]);
  });
});
