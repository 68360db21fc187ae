/** A witness: something that must happen in some state. A program that does nothing keeps every other promise. */
import { at, bool, scenario, struct, violated, type Routine, type World } from "thpcheck";

const structs = { doors: struct({ left: bool("the left one is open"), right: bool("the right one is open") }) };
type K = World<typeof structs>;

function* pass(k: K): Routine {
  yield at("open left", () => !k.doors.right.get());
  k.doors.left.set(true);
  yield at("close left, open right");
  k.doors.left.set(false);
  k.doors.right.set(true);
}

export default scenario({
  name: "example-witness", why: "both doors are never open together, so this witness is not reached", tier: "quick", structs,
  threads: [{ name: "visitor", run: pass }],
  sometimes: { "right is open": (k) => k.doors.right.get(), "both are open": (k) => k.doors.left.get() && k.doors.right.get() },
  expect: violated("both are open"),
});
