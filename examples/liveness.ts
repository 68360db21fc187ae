/**
 * What happens at last: a key that alice takes again and again, and bob wants once. Promises about whole runs (`eventually`, `leadsTo`,
 * `alwaysEventually`, `eventuallyAlways`, `progress`) speak of runs that are fair to each thread: who can move from some time on
 * moves. That does not help bob, who can move only now and then: the trace ends in a loop in which he starves. With
 * `fairness: { bob: "strong" }` (who can move again and again moves) the promise is kept.
 */
import { at, bool, scenario, struct, violated, type Routine, type World } from "thpcheck";

const structs = { key: struct({ taken: bool("somebody has it"), wanted: bool("bob wants it"), used: bool("bob has had it") }) };
type K = World<typeof structs>;

function* takesItAgain(k: K): Routine {
  for (;;) {
    yield at("take the key", () => !k.key.taken.get());
    k.key.taken.set(true);
    yield at("give it back");
    k.key.taken.set(false);
  }
}
function* wantsIt(k: K): Routine {
  yield at("want it");
  k.key.wanted.set(true);
  yield at("take the key", () => !k.key.taken.get());
  k.key.used.set(true);
}

export default scenario({
  name: "example-liveness", why: "who waits for what is free now and then can starve", structs,
  threads: [{ name: "alice", run: takesItAgain, daemon: true }, { name: "bob", run: wantsIt }],
  leadsTo: { "who wants the key gets it": { from: (k) => k.key.wanted.get(), to: (k) => k.key.used.get() } },
  expect: violated("who wants the key gets it", { length: 3 }),
});
