/** A step promise: about two states that follow one another, where a promise about one state would not do. */
import { at, int, scenario, struct, violated, type Int, type Routine, type World } from "thpcheck";

const structs = { clock: struct({ time: int(0, 3, "hours") }) };
type K = World<typeof structs>;

function* tick(k: K): Routine {
  for (let n: Int<0, 3> = 0; n < 3; n++) {
    yield at("tick");
    k.clock.time.add(1);
  }
}
function* adjust(k: K): Routine {
  yield at("adjust", () => k.clock.time.get() === 2);
  k.clock.time.set(1);
}

export default scenario({
  name: "example-step-promise", why: "time must not go back; the adjustment lets it", tier: "quick", structs,
  threads: [{ name: "clock", run: tick }, { name: "person", run: adjust }],
  step: { "time goes on": (before, after) => after.clock.time.get() >= before.clock.time.get() },
  expect: violated("time goes on", { length: 3 }),
});
