/**
 * Bounds: which initial states there are (`initially`), how far the search goes (`within`), and that it is fine where nothing can
 * move (`deadlock`). A result says of a bounded search that it was one.
 */
import { choose, holds, int, scenario, struct, type ModelActor, type World } from "thpcheck";

const structs = {
  road: struct({ sent: int(0, 200, "carts sent so far"), met: int(0, 200, "carts met so far"), width: int(0, 3, "carts that fit") }),
};
type K = World<typeof structs>;

const sender: ModelActor<typeof structs> = {
  name: "sender", atRest: () => false,
  step: (k) => {
    if (k.road.sent.get() - k.road.met.get() === k.road.width.get()) return null;
    k.road.sent.add(1);
    return "send";
  },
};
const receiver: ModelActor<typeof structs> = {
  name: "receiver", atRest: () => false,
  step: (k) => {
    if (k.road.sent.get() === k.road.met.get()) return null;
    k.road.met.add(1);
    return "meet";
  },
};

const isEven = (k: K): boolean => k.road.width.get() % 2 === 0;

export default scenario({
  name: "example-bounds", why: "never are there more carts on the road than fit; a road of no width is stuck from the start",
  model: { structs, init: (k) => { k.road.width.set(choose(k, "width", 4)); }, actors: [sender, receiver] },
  initially: isEven,
  within: (k) => k.road.sent.get() < 5,
  deadlock: "where no cart fits, none is sent",
  always: { "carts fit": (k) => k.road.sent.get() - k.road.met.get() <= k.road.width.get() },
  expect: holds({ states: 15 }),
});
