/** A machine as refinement: each step of the program must be a path of the machine, by the events that it announces. */
import { REFUSED, at, bool, emit, scenario, struct, violated, type Refinement, type Routine, type World } from "thpcheck";

const structs = { door: struct({ open: bool("it is open"), locked: bool("it is locked") }) };
type K = World<typeof structs>;

const [OPEN, LOCK] = [1, 2];
const SHUT = 0; // states: 0 shut, 1 open, 2 locked; each event leads from shut to the state of its number
const stateOf = (k: K): number => (k.door.open.get() ? 1 : k.door.locked.get() ? 2 : SHUT);
const door: Refinement<typeof structs> = {
  machine: "door", instances: 1, title: () => "the door", bounds: {}, states: 3, describe: (s) => ["shut", "open", "locked"][s]!,
  abstract: stateOf,
  events: [["OPEN", OPEN], ["LOCK", LOCK]].map(([name, event]) => ({
    name: name as string, event: event as number, payloads: 1, route: (_args, _bounds, move) => { move(0, 0); },
  })),
  next: (state, event) => (state === SHUT ? event : REFUSED),
  arrows: [{ name: "OPEN", lacks: null }, { name: "LOCK", lacks: null }], arrow: (_state, event) => event - 1,
};

function* visitor(k: K): Routine {
  yield at("open");
  k.door.open.set(true);
  emit(k, OPEN);
}
function* keeper(k: K): Routine {
  yield at("lock"); // forgets to look whether the door is open
  k.door.locked.set(true);
  emit(k, LOCK);
}

export default scenario<typeof structs>({
  name: "example-refinement", why: "an open door is not locked", tier: "quick", structs, refine: [door],
  threads: [{ name: "visitor", run: visitor }, { name: "keeper", run: keeper }],
  expect: violated("refines door", { length: 2 }),
});
