/** What a check that holds warns of: that nothing ever succeeds, or that a thread never gets past its first call. */
import { describe, expect, it } from "vitest";
import { checkScenario } from "../../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type CheckOptions } from "../../../checker/check/options.ts";
import { loadGenerated } from "../compile/load-generated.ts";

/** `open` fails while the door is locked, and `look` where there is nothing; nothing unlocks the door. */
const program = (threads: string, more = ""): string => `
import { at, choose, holds, int, scenario, struct, type Int, type Routine, type World } from "thpcheck";
const structs = { door: struct({ locked: int(0, 1, "locked", { init: 1 }), opened: int(0, 3, "how often") }) };
type K = World<typeof structs>;
function* open(k: K): Routine<Int<-13, 0>> {
  yield at("open");
  if (k.door.locked.get() === 1) return -13;
  k.door.opened.set(1);
  return 0;
}
function* unlock(k: K): Routine<boolean> { yield at("unlock"); k.door.locked.set(0); return true; }
function* knock(k: K, heard: boolean): Routine<boolean> { yield at("knock"); return heard; }
function* look(k: K): Routine<Int<0, 9>> { yield at("look"); return k.door.opened.get() === 0 ? 9 : 1; }
function* wait(k: K): Routine { yield at("wait", () => k.door.opened.get() > 0, { idle: true }); }
function* enter(k: K): Routine { const e: Int<-13, 0> = yield* open(k); if (e === 0) yield* look(k); }
export default scenario({ name: "door", why: "a test", tier: "quick", structs, threads: [${threads}],
  calls: [{ run: open }, { run: unlock }, { run: knock }, { run: look, failure: 9 }, { run: wait }], expect: holds(), ${more} });
`;
const thread = (name: string, body: string): string => `{ name: "${name}", run: function* (k: K): Routine { ${body} } }`;

async function warnings(text: string, options: Partial<CheckOptions> = {}): Promise<readonly string[]> {
  const { result } = await checkScenario(loadGenerated(text), { ...DEFAULT_CHECK_OPTIONS, ...options }, 1);
  expect(result.reason).toBeNull();
  return result.warnings;
}
const ALL_FAIL = /^no call ever succeeds, of .*if that is meant, say why in allFail\)$/;

describe("no call ever succeeds", () => {
  it("is said, with the places", async () => {
    expect(await warnings(program([thread("a", "yield* open(k);"), thread("b", "yield* open(k);")].join()))).toEqual([
      expect.stringMatching(/^no call ever succeeds, of 1 place: open \(generated\.ts:16\)/),
    ]);
  });
  it.each([
    ["by a result below 0", "yield* open(k);"],
    ["by false", "yield* knock(k, false);"],
    ["by the value that says so", "yield* look(k);"],
    ["inside of another routine", "yield* enter(k);"],
  ])("%s", async (_how, body) => {
    expect((await warnings(program(thread("a", body))))[0]).toMatch(ALL_FAIL);
  });
  it("also where the thread runs the call and nothing else", async () => {
    for (const run of ["open", "(k: K) => open(k)"]) expect((await warnings(program(`{ name: "a", run: ${run} }`)))[0]).toMatch(ALL_FAIL);
  });
  it("the same on two workers, depth first, and with whole states", async () => {
    const text = program([thread("a", "yield* open(k);"), thread("b", "yield* open(k);")].join());
    const one = await warnings(text);
    for (const options of [{ workers: 2, workersAfterMs: 0 }, { strategy: "dfs" as const }, { exact: true }]) {
      expect(await warnings(text, options)).toEqual(one);
    }
  });
  it("is not said where one succeeds in some run, whoever makes it", async () => {
    expect(await warnings(program([thread("a", "yield* open(k);"), thread("b", "yield* unlock(k);")].join()))).toEqual([]);
    expect(await warnings(program(thread("a", "yield at('x'); yield* knock(k, choose(k, 'heard', 2) === 1);")))).toEqual([]);
  });
  it("is not said of a program without such calls, nor of one that the scenario does not name", async () => {
    expect(await warnings(program(thread("a", "yield at('x');")))).toEqual([]);
    expect(await warnings(program(thread("a", "yield* open(k);")).replace(/calls: \[.*?\], expect/, "expect"))).toEqual([]);
  });
  it("is not said where the scenario says why; and a reason that is not true any more is", async () => {
    expect(await warnings(program(thread("a", "yield* open(k);"), 'allFail: "it is about refusals"'))).toEqual([]);
    expect(await warnings(program(thread("a", "yield* unlock(k);"), 'allFail: "it is about refusals"'))).toEqual([
      expect.stringMatching(/^it says that every call fails \(allFail\), and unlock \(generated\.ts:16\) succeeds$/),
    ]);
  });
  it("is not said of a search that did not see everything, or found something", async () => {
    const text = program([thread("a", "yield* open(k); yield at('later');"), thread("b", "yield at('later');")].join());
    const cut = await checkScenario(loadGenerated(text), { ...DEFAULT_CHECK_OPTIONS, maxDepth: 2 }, 1);
    expect(cut.result).toMatchObject({ verdict: "incomplete", warnings: [] });
    const broken = text.replace("expect: holds(),", 'expect: holds(), finally: { "open": (k: K) => k.door.opened.get() === 1 },');
    const { result } = await checkScenario(loadGenerated(broken), DEFAULT_CHECK_OPTIONS, 1);
    expect(result).toMatchObject({ verdict: "violated", warnings: [] });
  });
});

describe("a thread never gets past its first call", () => {
  const CUT = /^thread b never gets past its first call, open \(generated\.ts:15\), which always fails/;
  it("is said where the first one always fails", async () => {
    const found = await warnings(program([thread("a", "yield* knock(k, true);"), thread("b", "yield* enter(k);")].join()));
    expect(found).toEqual([expect.stringMatching(CUT)]);
  });
  it("is said where it never returns from one", async () => {
    const found = await warnings(program([thread("a", "yield* knock(k, true);"), thread("b", "yield* wait(k); yield* look(k);")].join()));
    expect(found).toEqual([expect.stringMatching(/^thread b never returns from a call, such as wait \(generated\.ts:\d+\)/)]);
  });
  it("is not said where it does in some run, nor of a daemon", async () => {
    expect(await warnings(program([thread("a", "yield* unlock(k);"), thread("b", "yield* enter(k);")].join()))).toEqual([]);
    const daemon = thread("b", "yield* wait(k);").replace("name:", "daemon: true, name:");
    expect(await warnings(program([thread("a", "yield* knock(k, true);"), daemon].join()))).toEqual([]);
  });
  it("is not said where the scenario says why; and a reason that is not true any more is", async () => {
    const cut = [thread("a", "yield* knock(k, true);"), thread("b", "yield* enter(k);")].join();
    expect(await warnings(program(cut, 'cutShort: { b: "the door stays locked" }'))).toEqual([]);
    const free = [thread("a", "yield* unlock(k);"), thread("b", "yield* enter(k);")].join();
    expect(await warnings(program(free, 'cutShort: { b: "the door stays locked" }'))).toEqual([
      "it says that thread b is cut short (cutShort), and it is not",
    ]);
  });
  it("a reason for a thread that there is not is refused", () => {
    const text = program(thread("a", "yield* open(k);"), 'cutShort: { c: "why" }');
    expect(() => loadGenerated(text)).toThrow('cutShort names "c", which is no thread of it');
  });
});
