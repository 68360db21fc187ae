/** Which routines keep dead locals: what it costs in states, in either engine; that nothing else changes; what is refused. */
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { digestOf } from "../../../checker/compile/digest.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { run } from "../search/options.ts";
import { searchedInBoth } from "../wasm/both-engines.ts";
import { loadGenerated } from "./load-generated.ts";

const routine = (name: string): string => `function* ${name}(k: K): Routine {
  const chosen: Int<0, 3> = choose(k, "number", 4);
  yield at("use");
  k.s.n.set(chosen > 1 ? 1 : 0);
  yield at("rest");
  k.s.n.set(0);
  yield at("end");
  k.s.n.set(helper(k));
}
`;

/** Each thread calls a routine that chooses; what was chosen is dead at the yields after its use. */
const moduleOf = (member: string): string => `
import { at, choose, int, scenario, struct, type Int, type Routine, type World } from "thpcheck";
const structs = { s: struct({ n: int(0, 1, "n") }) };
type K = World<typeof structs>;
${routine("used")}${routine("left")}
function helper(k: K): number { return k.s.n.get(); }
function* never(k: K): Routine { yield at("x"); k.s.n.set(0); }
function* a(k: K): Routine { yield at("start"); yield* used(k); }
function* b(k: K): Routine { yield at("start"); yield* left(k); }
export default scenario({ name: "dead", structs, threads: [{ name: "a", run: a }, { name: "b", run: (k: K) => b(k) }], ${member} });
`;
const load = (member = ""): Scenario => loadGenerated(moduleOf(member));
const states = async (s: Scenario): Promise<number> => {
  const { system, source } = compileScenario(s);
  return (await run(system, {}, source)).states;
};

describe("a routine that is excepted from the clearing of dead locals", () => {
  it("keeps its own, and no other's", async () => {
    const cleared = await states(load());
    const keptInOne = await states(load("clearDeadLocals: { except: [used] }"));
    const keptInOther = await states(load("clearDeadLocals: { except: [left] }"));
    const kept = await states(load("clearDeadLocals: false"));
    expect(keptInOne).toBeGreaterThan(cleared);
    // The two routines are alike, and each thread has one.
    expect(keptInOther).toBe(keptInOne);
    expect(kept).toBeGreaterThan(keptInOne);
    expect(await states(load("clearDeadLocals: { except: [used, left] }"))).toBe(kept);
    expect(await states(load("clearDeadLocals: { except: [] }"))).toBe(cleared);
  });

  it("does so in WebAssembly as well", async () => {
    const both = await searchedInBoth(load("clearDeadLocals: { except: [used] }"));
    expect(both).toMatchObject({ unlike: [] });
  });

  it("makes another scenario of it", () => {
    const digests = ["", "clearDeadLocals: { except: [used] }", "clearDeadLocals: { except: [left] }"].map((m) => digestOf(load(m)));
    expect(new Set(digests).size).toBe(3);
  });

  it("is audited like any other", async () => {
    const s = load("clearDeadLocals: { except: [used] }");
    const { result } = await checkScenario(s, DEFAULT_CHECK_OPTIONS, 1);
    expect(result).toMatchObject({ verdict: "holds", reductions: ["dead-local clearing"] });
    const kept = await checkScenario(s, { ...DEFAULT_CHECK_OPTIONS, clearDeadLocals: false }, 1);
    expect(kept.result.states).toBeGreaterThan(result.states);
  });

  it("must be one that a thread runs", () => {
    expect(() => compileScenario(load("clearDeadLocals: { except: [never] }")))
      .toThrow("scenario dead: clearDeadLocals: never is excepted, but no thread of the scenario runs it");
    // A plain function of the program has nothing to keep.
    expect(() => compileScenario(load("clearDeadLocals: { except: [helper] }")))
      .toThrow("scenario dead: clearDeadLocals: helper is excepted, but no thread of the scenario runs it");
  });
});
