/** What a scenario is made of, compared with what it is made of when its module is loaded otherwise. */
import { describe, expect, it } from "vitest";
import { digestLines, digestOf, firstDifference, programLines } from "../../../checker/compile/digest.ts";
import { loadGenerated } from "./load-generated.ts";

const MODULE = `
import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";
const limit = 3, list = [1, { a: 2 }], add = (n: number) => (m: number): number => n + m, one = add(1), two = add(2), SCHEMES = [{ one }];
const structs = { s: struct({ n: int(0, 7, "a number") }) };
type K = World<typeof structs>;
function helper(k: K): number { return k.s.n.get() + limit + (list[0] as number) + SCHEMES.length; }
function* run(k: K): Routine { yield at("x"); k.s.n.set(one(two(helper(k)))); }
const atMost = Object.assign((k: K): boolean => k.s.n.get() < 7, { excuse: (k: K): boolean => k.s.n.get() > limit });
export default scenario({ name: "t", why: "a test", tier: "quick", structs, config: { frames: 4 }, threads: [{ name: "a", run }],
  always: { atMost }, expect: holds() });
`;
const load = (from = "", to = "") => {
  expect(MODULE).toContain(from);
  return loadGenerated(MODULE.replace(from, to));
};

it("is the same for every load of one text", () => {
  expect(digestOf(load())).toBe(digestOf(load()));
  expect(digestLines(load())).toEqual(digestLines(load()));
});
it("does not depend on what is expected, nor on why the scenario exists", () => {
  // The text of the module is another one all the same, so the two are told apart by it alone.
  const differing = digestLines(load("holds()", "holds({ states: 7 })")).filter((l, i) => digestLines(load())[i]!.value !== l.value);
  for (const { value } of differing) expect(value).toMatch(/^function .* of [0-9a-f]{8}$/);
});

/** As if the value had been computed otherwise: the text is the same. */
function loadWith(computed: Readonly<Record<string, unknown>> = {}): ReturnType<typeof load> {
  const text = MODULE.replace("const limit = 3,", "const limit = LIMIT, ").replace("list = [1, {", "list = [FIRST, {")
    .replace("one = add(1), two = add(2),", "[one, two] = ORDER(add(1), add(2)),").replace("int(0, 7,", "int(0, MOST,")
    .replace("frames: 4", "frames: FRAMES").replace("[{ one }]", "SCHEME(one)");
  const made = { LIMIT: 3, FIRST: 1, MOST: 7, FRAMES: 4, ORDER: (a: unknown, b: unknown) => [a, b], SCHEME: (one: unknown) => [{ one }] };
  Object.assign(globalThis, made, computed);
  try {
    return loadGenerated(text);
  } finally {
    for (const name of Object.keys(made)) Reflect.deleteProperty(globalThis, name);
  }
}

describe("tells what differs, and where it is", () => {
  it.each([
    [{ LIMIT: 5 }, /^limit \(captured by helper, .*generated\.ts:6\) is 3 in one and 5 in the other$/],
    [{ FIRST: 9 }, /^list \(captured by helper, .*generated\.ts:6\)\[0\] is 1 in one and 9 in the other$/],
    [{ FIRST: undefined }, /^list .*\[0\] is 1 in one and undefined in the other$/],
    [{ MOST: 8 }, /^structs\.s\.fields\.n\.max is 7 in one and 8 in the other$/],
    [{ FRAMES: 5 }, /^config\.frames is 4 in one and 5 in the other$/],
    [{ FRAMES: [5] }, /^config\.frames is 4 in one and an array of 1 in the other$/],
    // Two closures of one function, each in the other's place.
    [{ ORDER: (a: unknown, b: unknown) => [b, a] }, /^n \(captured by .*\) is 1 in one and 2 in the other$/],
    [{ ORDER: (a: unknown) => [a, a] }, /^two \(captured by run, .*\) is function .* in one and number \d+ in the other$/],
    [{ SCHEME: (one: unknown) => [{ get one() { return one; } }] }, /^SCHEMES .*\[0\]\.one is .* in one and a getter in the other$/],
    [{ SCHEME: () => [new Map()] }, /^SCHEMES .*\[0\] is an object in one and an object of class Map in the other$/],
    [{ SCHEME: (one: unknown) => new Proxy([{ one }], {}) }, /^SCHEMES .* is an array of 1 in one and a Proxy in the other$/],
    [{ SCHEME: (one: unknown) => [{ one }, 1] }, /^SCHEMES .* is an array of 1 in one and an array of 2 in the other$/],
  ])("%o", (computed, says) => {
    const [here, there] = [loadWith(), loadWith(computed)];
    expect(digestOf(here)).not.toBe(digestOf(there));
    expect(firstDifference(digestLines(here), digestLines(there))).toMatch(says);
  });
  it("two loads that compute the same are the same", () => expect(digestOf(loadWith())).toBe(digestOf(loadWith())));
});

it("a promise about states is another than the same about end states, in what is kept too", () => {
  const { always, ...rest } = load();
  const [of, other] = [{ ...rest, always }, { ...rest, finally: always }] as Parameters<typeof digestOf>[0][];
  expect(digestOf(of!)).not.toBe(digestOf(other!));
  expect(programLines(of!)).not.toBe(programLines(other!));
  expect(firstDifference(digestLines(of!), digestLines(other!))).toBe("the scenario is always in one and finally in the other");
});
