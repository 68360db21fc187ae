/** Programs to explore: an increment that can be lost, one that chooses, and one whose step goes wrong. */
import { at, bugOn, choose, holds, int, scenario, struct, type Routine, type U8, type World } from "thpcheck";

const structs = { counter: struct({ value: int(0, 4, "increments") }) };
type K = World<typeof structs>;

function* increment(k: K): Routine {
  yield at("read");
  const seen: U8 = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
}

export const racy = scenario({
  name: "racy", why: "is an increment lost?", tier: "quick", structs,
  threads: [{ name: "a", run: increment }, { name: "b", run: increment }],
  finally: { "both count": (k) => k.counter.value.get() === 2 },
  sometimes: { "one is counted": (k) => k.counter.value.get() === 1, "three are": (k) => k.counter.value.get() === 3 },
  expect: holds(),
});

function* picks(k: K): Routine {
  yield at("pick");
  const n = choose(k, "how much", ["nothing", "all"]);
  bugOn(n === 1 && k.counter.value.get() === 1, "too much");
  k.counter.value.set(n);
}

export const picking = scenario({
  name: "picking", why: "choices", tier: "quick", structs, init: (k) => { k.counter.value.set(choose(k, "begin", 3)); },
  threads: [{ name: "a", run: picks }], expect: holds(),
});
