/** A scenario that formats of graphs and traces find hard: signs in names, steps that go wrong, promises about steps. */
import { at, holds, int, scenario, struct, type Routine, type Scenario, type World } from "thpcheck";

const structs = { c: struct({ value: int(0, 3, "a count") }) };
type K = World<typeof structs>;

/** Signs that mean something in a label of DOT, in XML or in AUT. */
function* hard(k: K): Routine {
  yield at('take "a" <b> & \\N \\');
  k.c.value.add(1);
  yield at("and on");
  k.c.value.add(1);
}
/** Two steps lead from each state to the same other one; the third one of both goes wrong; a step breaks a promise. */
export const odd = scenario({
  name: "odd", why: "what formats find hard", tier: "quick", structs, threads: [{ name: "x", run: hard }, { name: "y", run: hard }],
  always: { 'not "three"': (k) => k.c.value.get() < 3 },
  step: { "no second step": (before, after) => before.c.value.get() !== 1 || after.c.value.get() !== 2 },
  expect: holds(),
}) as unknown as Scenario;
