/**
 * A search in WebAssembly comes to what the same search comes to in JavaScript, to the digit: states, transitions, levels, end
 * states, verdict, trace, witnesses, promises in force, and what became of calls.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { OP32 } from "../../../checker/wasm/encode.ts";
import { loadGenerated } from "../compile/load-generated.ts";
import { randomPrograms } from "../compile/random-programs.ts";
import alternatingBit from "../../models/alternating-bit.ts";
import barriers from "../../models/barriers.ts";
import coffeeCan from "../../models/coffee-can.ts";
import dieHard from "../../models/die-hard.ts";
import dining from "../../models/dining-philosophers.ts";
import fifo from "../../models/fifo.ts";
import lostUpdate from "../../models/lost-update.ts";
import peterson from "../../models/peterson.ts";
import readersWriters from "../../models/readers-writers.ts";
import refcount from "../../models/refcount.ts";
import teaching from "../../models/teaching-concurrency.ts";
import thpResv from "../../models/thp-resv.ts";
import ticketLock from "../../models/ticket-lock.ts";
import twoPhase from "../../models/two-phase.ts";
import locks from "../../models/two-process-locks.ts";
import { searchedInBoth } from "./both-engines.ts";
import edges from "./edges.ts";
import lockUses from "./lock-uses.ts";
import kindsOfValues from "./kinds-of-values.ts";
import looks from "./looks.ts";
import mixedKinds from "./mixed-kinds.ts";
import { withWrong } from "./wrong-instruction.ts";

const models = [
  edges, kindsOfValues, lockUses, looks, alternatingBit, barriers, coffeeCan, dieHard, dining, fifo, lostUpdate, peterson,
  readersWriters, refcount, teaching, thpResv, ticketLock, twoPhase, locks,
].flat() as unknown as Scenario[];
/** States that a search of a model stops after, and of a random program. */
const MODEL_STATES = 5000;
const RANDOM_STATES = 3000;

test("every operation on locks is lowered", async () => {
  for (const scenario of lockUses as unknown as Scenario[]) {
    const both = await searchedInBoth(scenario);
    expect("reason" in both ? both.reason : both.unlike).toEqual([]);
    expect("js" in both && both.js.finding?.kind).toBe(scenario.name === "lock-errors" ? "fault" : undefined);
  }
});

test("every kind of value is lowered", async () => {
  const both = await searchedInBoth(kindsOfValues as unknown as Scenario);
  expect("reason" in both ? both.reason : both.unlike).toEqual([]);
});

describe("published models", () => {
  test("are searched alike, but for those that are not lowered", { timeout: 120_000 }, async () => {
    const found = { alike: 0, violated: 0, trapped: 0 };
    for (const model of models) {
      const both = await searchedInBoth(model, { maxStates: MODEL_STATES });
      if ("reason" in both) continue;
      expect({ model: model.name, unlike: both.unlike }).toEqual({ model: model.name, unlike: [] });
      expect(both.wasm.engine).toBe("wasm");
      found.alike++;
      if (both.js.finding !== null) found.violated++;
      if (both.js.finding?.kind === "fault") found.trapped++;
    }
    expect(found.alike).toBeGreaterThan(25);
    expect([found.violated > 3, found.trapped > 0]).toEqual([true, true]);
  });

  test("with other seeds, 32 bits, and room that must grow", { timeout: 60_000 }, async () => {
    const model = models.find((m) => m.name === "thp-resv-bug1")!;
    for (const options of [{ seed: 77 }, { fingerprintBits: 32 as const }, { maxDepth: 9 }, { traps: false }]) {
      const both = await searchedInBoth(model, options);
      expect("reason" in both ? both.reason : both.unlike).toEqual([]);
    }
  });
});

/** Random programs that are lowered, at least. */
const LOWERED = 45;

test("random programs are searched alike", { timeout: 120_000 }, async () => {
  let lowered = 0;
  await fc.assert(fc.asyncProperty(randomPrograms(), async (program) => {
    const both = await searchedInBoth(loadGenerated(program.text), { maxStates: RANDOM_STATES });
    if ("reason" in both) return;
    lowered++;
    expect(both.unlike).toEqual([]);
  }), { numRuns: 60, seed: 1 });
  // The others have `do`, `||=` or a fraction.
  expect(lowered).toBeGreaterThan(LOWERED);
});

describe("what cannot go on in WebAssembly goes on in JavaScript", () => {
  const xl = models.find((m) => m.name === "thp-resv-bug1")!;
  test("a search that outgrows a memory", async () => {
    const both = await searchedInBoth(xl, { changed: (lowered) => ({ ...lowered, pagesMax: Math.max(lowered.pages, 3) }) });
    if ("reason" in both) throw new Error(both.reason);
    expect(both.unlike).toEqual([]);
    expect([both.wasm.engine, both.wasm.notLowered]).toEqual(["js", "its memories have no room for the search"]);
  });
  test("but never with the module of another program", async () => {
    await expect(searchedInBoth(xl, { changed: (lowered) => ({ ...lowered, programHash: "other" }) })).rejects.toThrow(/another program/);
  });
  test.each([
    [models.find((m) => m.name === "barrier-6")!, /^it ran in JavaScript: a model without threads is not lowered$/],
    [mixedKinds as unknown as Scenario, /^it ran in JavaScript: this compares values of different kinds: /],
  ])("a program that is not lowered, and its result says why", async (scenario, why) => {
    const { result } = await checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, engine: "wasm" }, 1);
    expect(result.engine).toBe("js");
    expect(result.notes).toEqual([expect.stringMatching(why)]);
  });
  test("a search that is not breadth-first", async () => {
    const { result } = await checkScenario(xl, { ...DEFAULT_CHECK_OPTIONS, engine: "wasm", strategy: "dfs" }, 1);
    expect(result.engine).toBe("js");
    expect(result.notes).toEqual(["it ran in JavaScript: only breadth-first searches with fingerprints are lowered"]);
  });
});

/** One instruction of the search in place of another that takes and gives the same; none by which all states collide: that is slow. */
const WRONG: readonly (readonly [keyof typeof OP32, number])[] = [
  ["add", OP32.sub], ["sub", OP32.add], ["xor", OP32.or], ["or", OP32.and], ["shl", OP32.shr], ["shru", OP32.shr],
  ["ne", OP32.eq], ["lt", OP32.le], ["gt", OP32.ge], ["ge", OP32.gt],
];

describe("a fault in the lowering of the search is found", () => {
  const unlike = async (): Promise<readonly string[]> => {
    for (const scenario of looks as unknown as Scenario[]) {
      const both = await searchedInBoth(scenario, { seconds: 1 });
      if ("reason" in both) throw new Error(both.reason);
      if (both.unlike.length > 0) return both.unlike;
    }
    return [];
  };
  test("and none where there is none", async () => expect(await unlike()).toEqual([]));
  test.each(WRONG)("%s", async (name, wrong) => {
    expect(await withWrong(OP32, name, wrong, unlike)).not.toEqual([]);
  });
});
