/** Where threads stand, in promises: two threads that look before they enter, both of which may have looked before either entered. */
import { at, bool, isAt, scenario, struct, took, violated, type Routine, type World } from "thpcheck";

const structs = { door: struct({ taken: bool("somebody is inside") }) };
type K = World<typeof structs>;

function* visits(k: K): Routine {
  yield at("look", () => !k.door.taken.get());
  yield at("enter");
  k.door.taken.set(true);
  yield at("inside");
  k.door.taken.set(false);
}

export default scenario({
  name: "example-positions", why: "what is looked at and then done is two steps", structs,
  threads: [{ name: "alice", run: visits }, { name: "bob", run: visits }],
  step: { "the door is opened from inside": (before, after) => !before.door.taken.get() || after.door.taken.get()
    || took(after, "alice", "inside") || took(after, "bob", "inside") },
  always: { "at most one is inside": (k) => !(isAt(k, "alice", "inside") && isAt(k, "bob", "inside")) },
  expect: violated("at most one is inside", { length: 4 }),
});
