/** A guard that waits: a step is taken only in a state in which its guard is true. */
import { at, bool, holds, scenario, struct, type Routine, type World } from "thpcheck";

const structs = { box: struct({ full: bool("something is in it"), taken: bool("it was taken out") }) };
type K = World<typeof structs>;

function* producer(k: K): Routine {
  yield at("put");
  k.box.full.set(true);
}
function* consumer(k: K): Routine {
  yield at("take", () => k.box.full.get()); // waits until the box is full
  k.box.full.set(false);
  k.box.taken.set(true);
}

export default scenario({
  name: "example-guard", why: "nothing is taken from an empty box", tier: "quick", structs,
  threads: [{ name: "producer", run: producer }, { name: "consumer", run: consumer }],
  finally: { "it was taken": (k) => k.box.taken.get() && !k.box.full.get() },
  expect: holds({ states: 3 }),
});
