/** A model written by hand: in place of routines, one function for each actor that takes a step or says that it cannot. */
import { holds, int, scenario, struct, type ModelActor } from "thpcheck";

const structs = { jars: struct({ large: int(0, 5, "litres"), small: int(0, 3, "litres") }) };

/** Pours from the large jar into the small one until that is full; empties the small one; fills the large one. */
const pouring: ModelActor<typeof structs> = {
  name: "person", daemon: true,
  step: (k) => {
    const poured = Math.min(k.jars.large.get(), 3 - k.jars.small.get());
    if (poured > 0) {
      k.jars.large.add(-poured);
      k.jars.small.add(poured);
      return "pour";
    }
    if (k.jars.small.get() === 3) {
      k.jars.small.set(0);
      return "empty the small jar";
    }
    k.jars.large.set(5);
    return "fill the large jar";
  },
  atRest: () => true,
};

export default scenario({
  name: "example-model", why: "with jars of 5 and 3 litres the large one can hold exactly 4", tier: "quick",
  model: { structs, actors: [pouring] },
  sometimes: { "4 litres": (k) => k.jars.large.get() === 4 },
  expect: holds(),
});
