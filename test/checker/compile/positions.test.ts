/** `isAt` and `took`: what they say is what positions and traces say; what is refused; and that no change of position is missed. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { renderTrace } from "../../../checker/report/counterexample.ts";
import { isAt, took } from "../../../checker/program/positions.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { storyOf } from "../../../checker/trace/story.ts";
import { lowerSearch } from "../../../checker/wasm/lower-search.ts";
import { searchedInBoth } from "../wasm/both-engines.ts";
import { loadGenerated, loadScenario } from "./load-generated.ts";
import { seeded } from "./seeded.ts";

/** Threads that call routines, with locals, and a frame of two bytes of program counter if `long`. */
const moduleOf = (parts: string, long = false): string => `
import { at, int, isAt, mutex, mutexLock, mutexUnlock, scenario, struct, took, type Int, type Routine, type World } from "thpcheck";
const structs = { s: struct({ n: int(0, 40, "n"), m: mutex("m") }) };
type K = World<typeof structs>;
function* inner(k: K, by: Int<1, 2>): Routine {
  yield at("inner 1");
  k.s.n.add(by);
  yield at("inner 2", () => k.s.n.get() < 9);
}
function* a(k: K): Routine {
  for (let i: Int<0, 3> = 0; i < 2; i++) {
    yield at("look");
    yield* inner(k, 1);
  }
  ${long ? Array.from({ length: 300 }, (_, n) => `yield at("far ${n}");`).join("\n  ") : ""}
  yield at("last");
}
function* b(k: K): Routine {
  yield* mutexLock(k, k.s.m.at());
  yield* inner(k, 2);
  mutexUnlock(k, k.s.m.at());
  yield at("last");
}
export default scenario({ name: "positions", structs, threads: [{ name: "a", run: a }, { name: "b", run: b }], ${parts} });
`;
const LABELS = { a: ["look", "inner 1", "inner 2", "last"], b: ["inner 1", "inner 2", "last"] };

/** A promise that names every state by who stands where. */
const everywhere = Object.entries(LABELS).flatMap(([thread, labels]) => labels.map((label) => ({ thread, label })));

describe("isAt", () => {
  it.each([[false], [true]])("is true exactly where the thread's position has the label (long: %s)", (long) => {
    const asked = everywhere.map(({ thread, label }) => `"${thread} ${label}": (k: K) => isAt(k, "${thread}", "${label}")`);
    const { system } = compileScenario(loadGenerated(moduleOf(`sometimes: { ${asked.join(", ")} }`, long)));
    const seen = new Set<string>();
    fc.assert(fc.property(fc.array(fc.nat(1), { maxLength: 700 }), (schedule) => {
      system.setBranch([]);
      system.init();
      for (const actor of [...schedule, ...schedule]) {
        everywhere.forEach(({ thread, label }, n) => {
          const { label: now } = system.position(thread === "a" ? 0 : 1);
          expect(system.witness(n)).toBe(now === label);
          if (now === label) seen.add(`${thread} ${label}`);
        });
        system.setBranch([]);
        system.step(actor);
      }
    }), seeded(30));
    expect(seen.size).toBeGreaterThan(4);
  });

  it("of every state is asked again whenever the thread has moved: with other states first as well", async () => {
    for (const { thread, label } of everywhere) {
      const scenario = loadGenerated(moduleOf(`always: { never: (k: K) => !isAt(k, "${thread}", "${label}") }`));
      for (const strategy of ["bfs", "dfs"] as const) {
        const { result } = await checkScenario(scenario, { ...DEFAULT_CHECK_OPTIONS, strategy }, 1);
        expect([thread, label, strategy, result.violation?.property]).toEqual([thread, label, strategy, "never"]);
      }
    }
  });

  it("is shown in a trace with what it was", async () => {
    const scenario = loadGenerated(moduleOf('always: { "not both": (k: K) => !(isAt(k, "a", "inner 2") && isAt(k, "b", "inner 2")) }'));
    const { replayed } = await checkScenario(scenario, DEFAULT_CHECK_OPTIONS, 1);
    const view = { width: 120, color: false, full: false, replayCommand: "" };
    const text = renderTrace(replayed!, view, storyOf(scenario, replayed!));
    expect(text).toContain('found: isAt(k, "a", "inner 2") = true');
  });
});

describe("took", () => {
  it("says who took the step, by which label", async () => {
    const violation = async (promise: string): Promise<readonly string[]> => {
      const scenario = loadGenerated(moduleOf(`step: { p: (before: K, after: K) => ${promise} }`));
      const { replayed } = await checkScenario(scenario, DEFAULT_CHECK_OPTIONS, 1);
      const last = replayed?.rows.at(-1);
      return last === undefined ? [] : [last.actor!, last.label!];
    };
    expect(await violation('!took(after, "b")')).toEqual(["b", "mutex_lock(s.m)"]);
    expect(await violation('!took(after, "b", "mutex_lock(s.m)")')).toEqual(["b", "mutex_lock(s.m)"]);
    expect(await violation('!took(after, "b", "last")')).toEqual(["b", "last"]);
    expect(await violation('!took(after, "a", "inner 2")')).toEqual(["a", "inner 2"]);
    expect(await violation('!(took(before, "a") && took(after, "b"))')).toEqual([]);
    expect(await violation('took(after, "a") || took(after, "b")')).toEqual([]);
    expect(await violation('!(isAt(before, "a", "inner 2") && isAt(after, "a", "last") && took(after, "a", "inner 2"))'))
      .toEqual(["a", "inner 2"]);
  });

  it("says it of actors of a model, too", async () => {
    const scenario = loadScenario(`
import { int, scenario, struct, took, type World } from "thpcheck";
const structs = { s: struct({ n: int(0, 3, "n") }) };
type K = World<typeof structs>;
const actors = [
  { name: "a", atRest: () => true, step: (k: K) => { if (k.s.n.get() === 3) return null; k.s.n.add(1); return "up"; } },
  { name: "b", atRest: () => true, step: (k: K) => { if (k.s.n.get() !== 2) return null; k.s.n.set(3); return "on"; } },
];
export default scenario({ name: "m", model: { structs, actors }, step: { "b never": (_: K, k: K) => !took(k, "b", "on") } });
`);
    const { result, replayed } = await checkScenario(scenario, DEFAULT_CHECK_OPTIONS, 1);
    expect([result.violation?.property, replayed?.rows.at(-1)?.actor, result.violation?.length]).toEqual(["b never", "b", 3]);
  });
});

const refusal = (parts: string): string => {
  try {
    compileScenario(loadGenerated(moduleOf(parts)));
  } catch (e) {
    return (e as Error).message;
  }
  return "nothing";
};
it.each([
  ['always: { p: (k: K) => isAt(k, "a", "lok") }',
    'thread a never stands at "lok". Its labels are look, last, inner 1, inner 2. Did you mean "look"?'],
  ['always: { p: (k: K) => isAt(k, "b", "look") }', 'thread b never stands at "look"'],
  ['always: { p: (k: K) => isAt(k, "c", "look") }', 'there is no thread "c". Threads are a, b.'],
  ['always: { p: (k: K) => isAt(k, "a", String(k.s.n.get())) }', "isAt of a name that is not known when the program is compiled"],
  ['always: { p: (k: K) => took(k, "a") }', "took outside of a step promise"],
  ['always: { p: (k: K) => isAt(k, "a") }', "isAt takes 3 arguments"],
  ['init: (k: K) => { if (isAt(k, "a", "look")) k.s.n.set(1); }', "isAt outside of a promise"],
  ['always: { p: (k: K) => isAt(k, "b", "mutex_unlock(s.m)") }', "thread b never stands at"],
])("%s is refused", (parts, says) => { expect(refusal(parts)).toContain(says); });

it("natively it is asked of a promise only", () => {
  expect(() => isAt({}, "a", "b")).toThrow("isAt is asked in promises");
  expect(() => took({}, "a")).toThrow("took is asked in promises");
});

it("in WebAssembly a position is not lowered, and who took a step comes to the same", async () => {
  const of = (parts: string): Scenario => loadGenerated(moduleOf(parts));
  const image = compileScenario(of('always: { p: (k: K) => !isAt(k, "a", "last") }'));
  const lowered = lowerSearch(image.system.image, { seed: 1, fingerprintBits: 64, workers: 1, programHash: image.source.programHash });
  expect("reason" in lowered ? lowered.reason : "lowered").toContain("not lowered");
  const both = await searchedInBoth(of('step: { p: (b: K, k: K) => !took(k, "b") || k.s.n.get() < 4 }'));
  expect("reason" in both ? both.reason : both.unlike).toEqual([]);
});
