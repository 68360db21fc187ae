/** A choice: every number below the bound is explored, as if each were a schedule of its own. */
import { at, choose, int, scenario, struct, violated, type Routine, type World } from "thpcheck";

const structs = { table: struct({ sum: int(0, 12, "of the dice") }) };
type K = World<typeof structs>;

function* roll(k: K): Routine {
  yield at("roll");
  k.table.sum.add(1 + choose(k, "die", 6));
}

export default scenario({
  name: "example-choice", why: "two dice can show 12: the trace says which faces were chosen", tier: "quick", structs,
  threads: [{ name: "a", run: roll }, { name: "b", run: roll }],
  finally: { "below 12": (k) => k.table.sum.get() < 12 },
  expect: violated("below 12", { length: 2 }),
});
