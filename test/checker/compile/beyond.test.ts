/** A number that a scenario's world is too small for is said in the scenario's words, where it has some. */
import { expect, it } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { StepFault } from "../../../checker/fault.ts";
import { loadGenerated } from "./load-generated.ts";

const module = (body: string): string => `
import { array, at, bitset, holds, int, ref, scenario, spinlock, spinTrylock, struct, table, NONE } from "thpcheck";
import type { Ref, Routine, UpTo, World } from "thpcheck";
const structs = {
  page: table(3, { next: ref("page", "next"), uses: int(0, 5, "uses"), lock: spinlock("lock") }),
  mm: struct({ pmd: array(2, int(0, 9, "entries")), set: bitset(4, "a set"), plain: array(2, int(0, 9, "no words")) }),
};
type K = World<typeof structs>;
function* run(k: K): Routine { yield at("s"); const n = k.mm.pmd.get(0) + 7; ${body} }
export default scenario({ name: "t", why: "a test", tier: "quick", structs, config: { last: 4, other: 6 }, threads: [{ name: "a", run }],
  beyond: { page: "no page %: frames is 3", "page.uses": "% uses are too many", "mm.pmd": "range % is outside: ranges is 2",
    "mm.set": "no member %", last: "address % is outside: last is 4" }, expect: holds() });
`;

function messageOf(body: string): string {
  const { system } = compileScenario(loadGenerated(module(body)));
  system.init();
  try {
    while (system.step(0) !== 0);
  } catch (e) {
    if (e instanceof StepFault) return e.message;
    throw e;
  }
  throw new Error("nothing went wrong");
}

it.each([
  ["an index into a table", "k.page.uses.set(n, 1);", "no page 7: frames is 3 (page.uses[7]: the index is outside 0..2)"],
  ["an index of a lock", "spinTrylock(k, k.page.lock.at(n));", "no page 7: frames is 3 (page.lock[7]: the index is outside 0..2)"],
  ["an index into an array", "k.mm.pmd.set(n, 1);", "range 7 is outside: ranges is 2 (mm.pmd[7]: the index is outside 0..1)"],
  ["a value", "k.page.uses.set(1, n);", "7 uses are too many (page.uses = 7: the value does not fit 0..5)"],
  ["a value of an array", "k.mm.pmd.set(1, n + 3);", "mm.pmd = 10: the value does not fit 0..9"],
  ["a reference", "k.page.next.set(0, n);", "no page 7: frames is 3 (page.next = 7: the value does not fit -1..2)"],
  ["a member of a set", "k.mm.set.insert(n);", "no member 7 (mm.set: member 7 is outside 0..3)"],
  ["a local up to a bound", 'const v: UpTo<"last"> = n; yield at("t"); k.mm.pmd.set(v, 1);',
    "address 7 is outside: last is 4 (local v = 7: the value does not fit 0..4)"],
  ["a local reference", 'const v: Ref<"page"> = n; yield at("t"); k.page.uses.set(v, 1);',
    "no page 7: frames is 3 (local v = 7: the value does not fit -1..2)"],
  ["a local up to a bound without words", 'const v: UpTo<"other"> = n; yield at("t"); k.mm.pmd.set(v, 1);',
    "local v = 7: the value does not fit 0..6, where 6 is other in its config"],
  ["what has no words", "k.mm.plain.set(n, 1);", "mm.plain[7]: the index is outside 0..1"],
  ["what is too small, not too large", "k.page.uses.set(n - 8, 1);", "page.uses[-1]: the index is outside 0..2"],
  ["no object at all", "k.page.uses.set(k.page.next.get(0), 1);", "page.uses[-1]: the index is outside 0..2"],
])("%s", (_what, body, says) => expect(messageOf(body)).toBe(says));
