/** A program that compares what may be a number with what may be a boolean: in 64 bits, 1 and `true` are the same. */
import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";

const structs = { c: struct({ times: int(0, 3, "how often") }) };
type K = World<typeof structs>;

const either = (k: K): number | boolean => (k.c.times.get() > 0 ? true : 1);

function* count(k: K): Routine {
  yield at("count");
  k.c.times.add(either(k) === 1 ? 1 : 0);
}

export default scenario({
  name: "mixed-kinds", why: "not lowered", tier: "quick", structs,
  threads: [{ name: "a", run: count }, { name: "b", run: count }],
  finally: { "counted once": (k) => k.c.times.get() === 1 },
  expect: holds(),
});
